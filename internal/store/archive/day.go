package archive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

var dayFile = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2})\.[a-z]+$`)

// DayOf gives the day of a file of the activity log, "" when it is none.
func DayOf(name string) string {
	if m := dayFile.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}

// UploadDay archives a file of the activity log unless it is there as a whole.
func UploadDay(ctx context.Context, s Store, path string) (added bool, err error) {
	name := filepath.Base(path)
	if DayOf(name) == "" {
		return false, fmt.Errorf("%.200q is no file of a day", name)
	}
	in, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() == 0 {
		return false, nil // of a day without events
	}
	if size, known, err := has(ctx, s, ofActivity+name); err != nil || known && size == info.Size() {
		return false, err
	}
	return true, s.Put(ctx, ofActivity+name, in, info.Size())
}
