// Package tide knows how long the tide falls.
package tide

import "time"

// Fall is the time from high water to low water.
const Fall = 6*time.Hour + 12*time.Minute

// Remaining returns how long the water still falls; zero once it has turned.
func Remaining(since time.Duration) time.Duration {
	if since < 0 || since > Fall {
		return 0
	}
	return Fall - since
}
