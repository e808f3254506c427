// Command gate says whether the harbour's gate is open at an hour of the day.
package main

import (
	"fmt"
	"os"
	"strconv"
)

func open(hour int) bool {
	return hour >= 6 && hour < 22
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gate HOUR")
		os.Exit(2)
	}
	hour, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Println(map[bool]string{true: "open", false: "closed"}[open(hour)])
}
