package telemetry

import "time"

// Workspace is a destination of telemetry in this process: what an Application
// Insights resource with its Log Analytics workspace is in Azure. Rows carry its
// Name; the default workspace's name is "".
type Workspace struct {
	Name               string
	InstrumentationKey string // UUID in lower case; some SDKs refuse others
	ApplicationID      string // UUID in lower case: the id of the query API
	// ResourceID is the ARM path by which resource queries name it, in lower case.
	ResourceID string
	Retention  time.Duration // rows older than this are not shown; 0: as long as the lake keeps them
	DailyCap   int64         // bytes of items taken in a UTC day, 0: no cap
	// RequireIdentity refuses items that come with the key alone (Azure's DisableLocalAuth).
	RequireIdentity bool
	// Dimensions of custom metrics are kept ("Custom metrics: with dimensions").
	// False: values only.
	Dimensions bool
}
