package tide

import (
	"testing"
	"time"
)

func TestTheWaterFallsForSixHoursAndTwelveMinutes(t *testing.T) {
	if got := Remaining(time.Hour); got != 5*time.Hour+12*time.Minute {
		t.Fatalf("remaining %s", got)
	}
}

func TestTheWaterThatHasTurnedFallsNoMore(t *testing.T) {
	if got := Remaining(7 * time.Hour); got != 0 {
		t.Fatalf("remaining %s", got)
	}
}
