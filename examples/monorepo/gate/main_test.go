package main

import "testing"

func TestTheGateOpensAtSix(t *testing.T) {
	if open(5) || !open(6) {
		t.Fatal("the gate opens at six")
	}
}
