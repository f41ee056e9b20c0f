package kql

import (
	"time"

	"gatehouse/internal/query/kql/table"
)

// ticks of a time: 100 ns since the year 1.
func ticks(t time.Time) int64 {
	return t.Unix()*table.TicksPerSecond + int64(t.Nanosecond())/100 + table.UnixTicks
}
