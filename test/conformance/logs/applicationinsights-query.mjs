import assert from "node:assert/strict";
import insights from "@azure/applicationinsights-query";
import { counts, everyType, expected, fails, isEveryType, run, settings } from "./check.mjs";

// This client knows keys, not tokens.
const credentials = {
  signRequest: async (request) => {
    request.headers.set("x-api-key", settings.token);
    return request;
  },
};
const client = new insights.ApplicationInsightsDataClient(credentials, { baseUri: settings.url });
const app = settings.application;

await run({
  "a query": async () => {
    const result = await client.query.execute(app, { query: counts, timespan: "PT1H" });
    assert.deepEqual(result.tables[0].rows, [expected]);
    assert.deepEqual(result.tables[0].columns.map((c) => c.type), ["string", "long", "long"]);
  },
  "every type": async () => isEveryType((await client.query.execute(app, { query: everyType })).tables[0].rows[0]),
  "a mistake in the syntax": async () => {
    const error = await fails(() => client.query.execute(app, { query: "requests | where name ===" }));
    assert.equal(error.statusCode, 400);
    assert.equal(error.body.error.code, "BadArgumentError");
    assert.match(error.body.error.innererror.innererror.code, /^SYN/);
  },
  "a metric": async () => {
    const result = await client.metrics.get(app, "requests/count", { timespan: "PT1H", filter: "cloud/roleName eq 'shop'" });
    assert.deepEqual(result.value["requests/count"], { sum: 12 });
  },
  "a metric in parts and segments": async () => {
    const result = await client.metrics.get(app, "requests/duration", {
      timespan: "PT2H", interval: "PT1H", aggregation: ["avg", "max"], segment: ["request/resultCode"], top: 2, orderby: "max desc", filter: "cloud/roleName eq 'shop'",
    });
    const segments = result.value.segments.flatMap((part) => part.segments);
    assert.ok(segments.length >= 2, JSON.stringify(result));
    for (const segment of segments) assert.ok(segment["requests/duration"].max >= segment["requests/duration"].avg);
  },
  "several metrics": async () => {
    const result = await client.metrics.getMultiple(app, [
      { id: "a", parameters: { metricId: "requests/failed", timespan: "PT1H", filter: "cloud/roleName eq 'shop'" } },
      { id: "b", parameters: { metricId: "no/such" } },
    ]);
    assert.deepEqual(result.map((one) => [one.id, one.status]), [["a", 200], ["b", 400]]);
    assert.deepEqual(result[0].body.value["requests/failed"], { sum: 3 });
  },
  "metadata of metrics": async () => {
    const result = await client.metrics.getMetadata(app);
    assert.equal(result.body.metrics["requests/duration"].defaultAggregation, "avg");
  },
  "events": async () => {
    const result = await client.events.getByType(app, "requests", {
      timespan: "PT1H", filter: "cloud/roleName eq 'shop' and request/success eq 'False'", orderby: "timestamp desc", top: 2, count: true,
    });
    assert.equal(result.value.length, 2);
    assert.equal(result.value[0].type, "request");
    assert.equal(result.value[0].request.success, "False");
    assert.equal(result.value[0].cloud.roleName, "shop");
    const one = await client.events.get(app, "requests", result.value[0].id, { timespan: "PT1H" });
    assert.equal(one.value.length, 1);
    assert.equal(one.value[0].operation.id, result.value[0].operation.id);
  },
  "a search in all events": async () => {
    const result = await client.events.getByType(app, "$all", { timespan: "PT1H", search: '"out of stock"' });
    assert.deepEqual(result.value.map((event) => event.type), ["trace"]);
    assert.equal(result.value[0].trace.message, "out of stock");
  },
  "events in groups": async () => {
    const result = await client.events.getByType(app, "requests", {
      timespan: "PT1H", apply: "filter(cloud/roleName eq 'shop')/groupby((request/resultCode),aggregate($count as n))", orderby: "request/resultCode asc",
    });
    assert.equal(result.value.length, 2);
  },
  "the schema of events": async () => {
    const response = await fetch(`${settings.url}/v1/apps/${app}/events/$metadata`, { headers: { "x-api-key": settings.token } });
    assert.match(await response.text(), /<EntitySet Name="requests"/);
  },
});
