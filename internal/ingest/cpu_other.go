//go:build !unix

package ingest

import "time"

// processCPU is not known here: no CPU time is shared.
func processCPU() time.Duration { return 0 }
