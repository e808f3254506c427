// Command ebb says how long the water still falls.
package main

import (
	"fmt"
	"os"
	"time"

	"example.org/ebb/internal/tide"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: ebb TIME-SINCE-HIGH-WATER")
		os.Exit(2)
	}
	since, err := time.ParseDuration(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Println(tide.Remaining(since))
}
