import assert from "node:assert/strict";
import { Durations, LogsQueryClient } from "@azure/monitor-query-logs";
import { counts, credential, everyType, expected, fails, isEveryType, run, settings, workspaceCounts } from "./check.mjs";

const client = new LogsQueryClient(credential, { endpoint: settings.url });
const day = { duration: Durations.twentyFourHours };
const ask = (query, options, span = day) => client.queryWorkspace(settings.application, query, span, options);

await run({
  "rows of a workspace": async () => {
    const result = await ask(workspaceCounts);
    assert.equal(result.status, "Success");
    assert.deepEqual(result.tables[0].rows, [expected]);
    assert.deepEqual(result.tables[0].columnDescriptors.map((c) => c.type), ["string", "long", "long"]);
    assert.equal(result.tables[0].name, "PrimaryResult");
  },
  "classic names": async () => assert.deepEqual((await ask(counts)).tables[0].rows, [expected]),
  "every type": async () => isEveryType((await ask(everyType)).tables[0].rows[0]),
  "the name of a workspace": async () => {
    assert.deepEqual((await client.queryWorkspace("default", counts, day)).tables[0].rows, [expected]);
  },
  "statistics and render": async () => {
    const result = await ask(counts + " | render piechart with (title = 'Shop')", { includeQueryStatistics: true, includeVisualization: true, serverTimeoutInSeconds: 60 });
    assert.equal(typeof result.statistics.query.executionTime, "number");
    assert.equal(result.visualization.visualization, "piechart");
    assert.equal(result.visualization.title, "Shop");
  },
  "the time span bounds the rows": async () => {
    const old = { startTime: new Date(Date.now() - 10 * 86400_000), endTime: new Date(Date.now() - 9 * 86400_000) };
    assert.deepEqual((await ask("requests | count", {}, old)).tables[0].rows, [[0]]);
  },
  "a mistake in the syntax": async () => {
    const error = await fails(() => ask("requests\n| where name ==="));
    assert.equal(error.statusCode ?? Number(error.status), 400);
    assert.equal(error.code, "BadArgumentError");
    const inner = error.details.error.innererror;
    assert.equal(inner.code, "SyntaxError");
    assert.match(inner.innererror.code, /^SYN/);
    assert.ok(inner.innererror.message.length > 5);
  },
  "a column that is not there": async () => {
    const error = await fails(() => ask("requests | where durations > 5"));
    assert.equal(error.details.error.innererror.code, "SemanticError");
    assert.match(error.details.error.innererror.innererror.message, /durations/);
  },
  "line and position of an error": async () => {
    const response = await fetch(settings.url + "/v1/workspaces/" + settings.application + "/query", {
      method: "POST", body: JSON.stringify({ query: "requests\n| where durations > 5" }), headers: { authorization: "Bearer " + settings.token },
    });
    const inner = (await response.json()).error.innererror.innererror;
    assert.deepEqual([inner.line, inner.pos, inner.token], [2, 8, "durations"]);
  },
  "a partial result": async () => {
    const result = await ask("range x from 1 to 500001 step 1");
    assert.equal(result.status, "PartialFailure");
    assert.equal(result.partialTables[0].rows.length, 500000);
    assert.equal(result.partialError.code, "PartialError");
  },
  "a batch": async () => {
    const results = await client.queryBatch([
      { workspaceId: settings.application, query: counts, timespan: day, includeQueryStatistics: true },
      { workspaceId: settings.application, query: "requests | wher x", timespan: day },
      { workspaceId: "no-such-workspace", query: "requests", timespan: day },
    ]);
    assert.equal(results.length, 3);
    assert.deepEqual(results[0].tables[0].rows, [expected]);
    assert.ok(results[0].statistics);
    assert.equal(results[1].partialError.code, "BadArgumentError");
    assert.equal(results[2].partialError.code, "PathNotFoundError");
  },
  "a resource, with a double slash": async () => {
    const result = await client.queryResource(settings.resource, counts, day);
    assert.deepEqual(result.tables[0].rows, [expected]);
  },
  "more workspaces": async () => {
    assert.deepEqual((await ask(counts, { additionalWorkspaces: [settings.resource] })).tables[0].rows, [expected]);
    const error = await fails(() => ask(counts, { additionalWorkspaces: ["no-such-workspace"] }));
    assert.equal(error.code, "BadArgumentError");
  },
  "a workspace that is not there": async () => {
    const error = await fails(() => client.queryWorkspace("00000000-0000-0000-0000-00000000000f", counts, day));
    assert.equal(error.code, "PathNotFoundError");
  },
  "a wrong token": async () => {
    const stranger = new LogsQueryClient({ getToken: async () => ({ token: "wrong", expiresOnTimestamp: Date.now() + 3600_000 }) }, { endpoint: settings.url });
    const error = await fails(() => stranger.queryWorkspace(settings.application, counts, day));
    assert.equal(Number(error.statusCode ?? error.status), 401);
  },
});
