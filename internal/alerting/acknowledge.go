package alerting

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/notify/pagerduty"
	commonconfig "github.com/prometheus/common/config"

	"gatehouse/internal/alerting/delivery"
	"gatehouse/internal/alerting/ledger"
)

// Acknowledge notes that somebody works on an alert, and tells PagerDuty where
// it was told of the alert.
func (a *Alertmanager) Acknowledge(id, by, note string) (ledger.Record, error) {
	r, err := a.ledger.Acknowledge(id, by, note)
	if err != nil {
		return r, err
	}
	for _, o := range r.Receivers {
		if o.State != delivery.Firing || !strings.HasPrefix(o.Integration, "pagerduty") {
			continue
		}
		m := delivery.Message{Receiver: o.Receiver, Integration: o.Integration, Key: o.Key, State: delivery.Acknowledged,
			Alerts: []delivery.Alert{{Fingerprint: r.Fingerprint, Labels: r.Labels, Annotations: r.Annotations, StartsAt: r.FiredAt}}}
		if err := a.queue.Put(m); err != nil {
			return r, err
		}
	}
	return r, a.ledger.Save()
}

// acknowledgePage sends PagerDuty's third event, which Alertmanager does not
// know: Events API v2, event_action acknowledge.
func (a *Alertmanager) acknowledgePage(ctx context.Context, s *sender, m delivery.Message) (retry bool, err error) {
	if s.pager == nil {
		return false, errors.New("the receiver is PagerDuty no more")
	}
	routing, err := routingKey(s.pager)
	if err != nil {
		return false, err
	}
	body, err := json.Marshal(map[string]string{"routing_key": routing, "event_action": "acknowledge", "dedup_key": notify.Key(m.Key).Hash()})
	if err != nil {
		return false, err
	}
	client, err := commonconfig.NewClientFromConfig(*s.pager.HTTPConfig, "pagerduty", a.clientOptions()...)
	if err != nil {
		return false, err
	}
	defer client.CloseIdleConnections()
	return post(ctx, client, s.pager.URL.String(), body)
}

func routingKey(c *pagerduty.PagerdutyConfig) (string, error) {
	if c.RoutingKeyFile == "" {
		return string(c.RoutingKey), nil
	}
	data, err := os.ReadFile(c.RoutingKeyFile)
	if err != nil {
		return "", errors.New("the file of the routing key cannot be read")
	}
	return strings.TrimSpace(string(data)), nil
}

// post sends JSON; retry says whether the answer may be another one later.
func post(ctx context.Context, client *http.Client, to string, body []byte) (retry bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("the URL of the receiver is none")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", notify.UserAgentHeader)
	resp, err := client.Do(req)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 == 2 {
		return false, nil
	}
	retry = resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout
	return retry, fmt.Errorf("the receiver answered %d", resp.StatusCode)
}
