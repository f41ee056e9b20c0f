package lake

// Stats are the figures of a lake for its metrics. Counters count since Open.
type Stats struct {
	Rows, Refused, Clamped, Replayed, Damaged     int64 // rows appended, refused, with corrected times, brought back; damaged files
	Flushes, FlushErrors, FlushedRows, SyncErrors int64
	Compactions, CompactErrors, CompactedRows     int64
	ExpiredFiles, ExpiredRows                     int64 // deleted by retention
	Queries, QueryErrors                          int64
	PendingRows, WALBytes                         int64                 // now, not yet in segments
	BloomBytes                                    int64                 // now, in memory
	Tables                                        map[string]TableStats // now, by table
	QueriesRunning                                int
}

// TableStats describes the files of one table.
type TableStats struct {
	Files, Groups, Rows, Bytes int64
	Oldest, Newest             int64 // ns, times of rows; 0: none
}

// Stats gives the figures of this moment.
func (l *Lake) Stats() Stats {
	c := &l.counts
	s := Stats{
		Rows: c.rows.Load(), Refused: c.refused.Load(), Clamped: c.clamped.Load(), Replayed: c.replayed.Load(), Damaged: c.damaged.Load(),
		Flushes: c.flushes.Load(), FlushErrors: c.flushErrors.Load(), FlushedRows: c.flushedRows.Load(), SyncErrors: c.syncErrors.Load(),
		Compactions: c.compactions.Load(), CompactErrors: c.compactErrors.Load(), CompactedRows: c.compactedRows.Load(),
		ExpiredFiles: c.expired.Load(), ExpiredRows: c.expiredRows.Load(), Queries: c.queries.Load(), QueryErrors: c.queryErrors.Load(),
		Tables: map[string]TableStats{Spans: {}, Logs: {}}, QueriesRunning: l.reader.places.running(),
	}
	l.blooms.mu.Lock()
	s.BloomBytes = l.blooms.used
	l.blooms.mu.Unlock()
	l.mu.Lock()
	rows, bytes := l.waiting()
	s.PendingRows, s.WALBytes = int64(rows), bytes
	l.mu.Unlock()
	for _, f := range l.manifest.list(func(*dataFile) bool { return true }) {
		t := s.Tables[f.Table]
		t.Files++
		t.Groups += int64(f.Groups)
		t.Rows += f.Rows
		t.Bytes += f.Bytes
		if t.Oldest == 0 || f.Min < t.Oldest {
			t.Oldest = f.Min
		}
		t.Newest = max(t.Newest, f.Max)
		s.Tables[f.Table] = t
	}
	return s
}
