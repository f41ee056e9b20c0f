package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/activity"
)

// switchesDocument keeps what recordSwitches saw last.
const switchesDocument = "telemetry-switches"

// recordSwitches writes a record for each switch of the settings that changed
// since the last start: they decide who gets telemetry, and are changed in a
// file that no door guards.
func (s *Server) recordSwitches() error {
	now := map[string]string{"telemetry.multiplex": fmt.Sprint(s.config.Telemetry.Multiplex)}
	before := map[string]string{"telemetry.multiplex": "false"} // the default
	data, err := s.catalog.Load(switchesDocument)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &before); err != nil {
			return fmt.Errorf("the catalog's document %q is damaged: %w", switchesDocument, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if now[name] == before[name] {
			continue
		}
		s.activity.Append(activity.Event{Time: time.Now().UTC(), OperationName: "Microsoft.ApiManagement/service/diagnostics/write", Category: activity.Administrative,
			ResourceID: standIn + "Microsoft.ApiManagement/service/" + s.activityService(), CorrelationID: uuid.NewString(), ResultType: "Success", Level: "Information",
			Identity:   activity.Identity{Claims: map[string]string{"name": "settings file"}},
			Properties: map[string]string{"setting": name, "before": before[name], "after": now[name]}})
	}
	if data, err = json.Marshal(now); err != nil {
		return err
	}
	return s.catalog.Save(switchesDocument, data)
}
