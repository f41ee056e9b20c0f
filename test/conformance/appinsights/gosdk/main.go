// The Go SDK sends one item of each type.
package main

import (
	"errors"
	"os"
	"os/signal"
	"time"

	"github.com/microsoft/ApplicationInsights-Go/appinsights"
	"github.com/microsoft/ApplicationInsights-Go/appinsights/contracts"
)

func main() {
	config := appinsights.NewTelemetryConfiguration(os.Getenv("KEY"))
	config.EndpointUrl = os.Getenv("ENDPOINT")
	client := appinsights.NewTelemetryClientFromConfig(config)
	client.Context().Tags.Cloud().SetRole("shop")
	client.Context().Tags.Operation().SetId("4bf92f3577b34da6a3ce929d0e0e4736")
	client.Context().CommonProperties["tier"] = "gold"

	request := appinsights.NewRequestTelemetry("GET", "https://shop.contoso.com/shop?x=1", 12500*time.Microsecond, "404")
	request.Id, request.Source = "0000000000000001", "the web"
	request.Measurements["items"] = 3
	client.Track(request)
	call := appinsights.NewRemoteDependencyTelemetry("GET /stock", "Http", "stock.internal", true)
	call.Id, call.Data, call.ResultCode, call.Duration = "0000000000000002", "http://stock.internal/stock", "200", 7*time.Millisecond
	client.Track(call)
	client.TrackException(errors.New("it broke"))
	client.TrackTrace("a message", contracts.Warning)
	event := appinsights.NewEventTelemetry("bought")
	event.Measurements["price"] = 9.5
	client.Track(event)
	client.TrackMetric("queue", 10)
	many := appinsights.NewAggregateMetricTelemetry("sizes")
	many.AddData([]float64{1, 4, 5})
	client.Track(many)
	test := appinsights.NewAvailabilityTelemetry("ping", 55*time.Millisecond, true)
	test.Id, test.RunLocation, test.Message = "a1", "node-1", "Passed"
	client.Track(test)
	view := appinsights.NewPageViewTelemetry("Home", "https://shop/")
	view.Duration = 812500 * time.Microsecond
	client.Track(view)
	client.Channel().Flush()

	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt)
	<-end
}
