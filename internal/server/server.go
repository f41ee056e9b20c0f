// Package server is the hall of the house: it opens the rooms in order, joins
// them, listens, reloads and stops.
//
// What comes in: one Config. What goes out: a running Gatehouse. It must never
// hold behaviour of its own beyond wiring, and nothing but cmd imports it.
package server
