package azuremonitor

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// calls counts what is sent to Azure, each try for itself, by status.
type calls struct {
	mu       sync.Mutex
	byStatus map[string]uint64
}

// Do sends a request and counts it.
func (c *calls) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	status := "failed"
	switch {
	case err == nil:
		status = strconv.Itoa(resp.StatusCode)
	case isNotSent(err):
		return resp, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byStatus == nil {
		c.byStatus = map[string]uint64{}
	}
	c.byStatus[status]++
	return resp, err
}

func isNotSent(err error) bool {
	_, ok := err.(notSent)
	return ok
}

func (c *calls) counts() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]uint64, len(c.byStatus))
	for status, n := range c.byStatus {
		out[status] = n
	}
	return out
}
