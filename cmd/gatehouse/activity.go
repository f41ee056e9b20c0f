package main

import (
	"errors"
	"fmt"
	"io"

	"gatehouse/internal/activity"
)

// activityCommand checks the chain of an activity log.
func activityCommand(args []string, out io.Writer) error {
	if len(args) != 2 || args[0] != "verify" {
		return errors.New("usage: gatehouse activity verify DIR, the folder activity of the data folder")
	}
	v, err := activity.Verify(args[1])
	if err != nil {
		return fmt.Errorf("the activity log is not whole: %w", err)
	}
	if v.Records == 0 {
		_, err = fmt.Fprintln(out, "the activity log has no records")
		return err
	}
	_, err = fmt.Fprintf(out, "%d records, %d to %d, none changed and none missing; hash of the last: %s\n", v.Records, v.First, v.Last, v.Hash)
	return err
}
