import assert from "node:assert/strict";
import { all, client, clientWith, fails, group, run, scope, service, settings } from "./check.mjs";

const key = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const other = "1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
const text = (k) => `InstrumentationKey=${k};IngestionEndpoint=https://127.0.0.1:1/`;
const masked = /^\{\{Logger-Credentials--[0-9a-f]{24}\}\}$/;

await run({
  "a token that is not known": async () => {
    await fails(() => clientWith("wrong").logger.get(group, service, "x"), 401);
  },
  "another service": async () => {
    const error = await fails(() => client.logger.get(group, "elsewhere", "x"), 404, "ResourceNotFound");
    assert.match(error.message, new RegExp(service));
  },
  "the folder's resources are there": async () => {
    const list = await all(client.logger.listByService(group, service));
    assert.deepEqual(list.map((l) => l.name), ["from-folder"]);
    assert.equal(list[0].id, scope + "/loggers/from-folder");
    assert.equal(list[0].type, "Microsoft.ApiManagement/service/loggers");
    assert.ok(!JSON.stringify(list).includes(settings.folderKey), "the key is shown");
    const d = await client.diagnostic.get(group, service, "applicationinsights");
    assert.equal(d.loggerId, scope + "/loggers/from-folder");
    assert.deepEqual([d.sampling.percentage, d.verbosity, d.metrics, d.alwaysLog], [100, "information", false, undefined]);
  },
  "a logger is created": async () => {
    await fails(() => client.logger.get(group, service, "insights"), 404, "ResourceNotFound");
    const made = await client.logger.createOrUpdate(group, service, "insights", { loggerType: "applicationInsights", description: "adding a new logger", credentials: { instrumentationKey: key } });
    assert.equal(made.name, "insights");
    assert.deepEqual([made.loggerType, made.description, made.isBuffered], ["applicationInsights", "adding a new logger", true]);
    assert.match(made.credentials.instrumentationKey, masked);
    const got = await client.logger.get(group, service, "INSIGHTS");
    assert.deepEqual(got.credentials, made.credentials);
    assert.ok(got.eTag);
    assert.equal((await client.logger.getEntityTag(group, service, "insights")).eTag, got.eTag);
  },
  "its key is a named value": async () => {
    const { credentials } = await client.logger.get(group, service, "insights");
    const name = credentials.instrumentationKey.slice(2, -2);
    const value = await client.namedValue.get(group, service, name);
    assert.deepEqual([value.displayName, value.secret, value.value], [name, true, undefined]);
    assert.equal((await client.namedValue.listValue(group, service, name)).value, key);
    const names = (await all(client.namedValue.listByService(group, service))).map((v) => v.name);
    assert.ok(names.includes(name), names.join());
  },
  "the key is changed in place": async () => {
    const before = await client.logger.get(group, service, "insights");
    const after = await client.logger.update(group, service, "insights", before.eTag, { credentials: { instrumentationKey: other } });
    assert.deepEqual(after.credentials, before.credentials);
    assert.notEqual(after.eTag, before.eTag);
    assert.equal((await client.namedValue.listValue(group, service, after.credentials.instrumentationKey.slice(2, -2))).value, other);
  },
  "what was read can be written back": async () => {
    const before = await client.logger.get(group, service, "insights");
    const after = await client.logger.createOrUpdate(group, service, "insights", { ...before, description: "again" }, { ifMatch: before.eTag });
    assert.deepEqual([after.description, after.credentials], ["again", before.credentials]);
    assert.equal((await client.namedValue.listValue(group, service, after.credentials.instrumentationKey.slice(2, -2))).value, other);
  },
  "an old version is refused": async () => {
    const before = await client.logger.get(group, service, "insights");
    await client.logger.createOrUpdate(group, service, "insights", { ...before, description: "newer" });
    for (const call of [
      () => client.logger.createOrUpdate(group, service, "insights", before, { ifMatch: before.eTag }),
      () => client.logger.update(group, service, "insights", before.eTag, { description: "x" }),
      () => client.logger.delete(group, service, "insights", before.eTag),
      () => client.logger.createOrUpdate(group, service, "nothing", before, { ifMatch: "*" }),
    ]) await fails(call, 412, "PreconditionFailed");
    assert.equal((await client.logger.get(group, service, "insights")).description, "newer");
  },
  "connection string and identities": async () => {
    for (const [id, credentials] of Object.entries({
      text: { connectionString: text(key) },
      system: { connectionString: text(key), identityClientId: "SystemAssigned" },
      user: { connectionString: text(key), identityClientId: "99999999-aaaa-bbbb-cccc-dddddddddddd" },
    })) {
      const made = await client.logger.createOrUpdate(group, service, id, { loggerType: "applicationInsights", description: id, credentials });
      assert.match(made.credentials.connectionString, masked);
      assert.equal(made.credentials.identityClientId, credentials.identityClientId);
    }
  },
  "bad loggers change nothing": async () => {
    const before = (await all(client.logger.listByService(group, service))).map((l) => l.name);
    for (const [what, body, target] of [
      ["type", { loggerType: "carrierPigeon", credentials: { instrumentationKey: key } }, "loggerType"],
      ["string", { loggerType: "applicationInsights", credentials: { connectionString: "no such thing" } }, "credentials.connectionString"],
      ["identity", { loggerType: "applicationInsights", credentials: { connectionString: text(key), identityClientId: "me" } }, "credentials.identityClientId"],
      ["alone", { loggerType: "applicationInsights", credentials: { identityClientId: "SystemAssigned" } }, "credentials.identityClientId"],
      ["long", { loggerType: "applicationInsights", description: "x".repeat(257), credentials: { instrumentationKey: key } }, "description"],
      ["unknown", { loggerType: "applicationInsights", credentials: { instrumentationKey: "{{nobody}}" } }, "credentials.instrumentationKey"],
    ]) {
      const error = await fails(() => client.logger.createOrUpdate(group, service, "bad-" + what, body), 400, "ValidationError");
      assert.equal(error.details.error.target ?? error.details.error.details[0].target, target, error.message);
    }
    await fails(() => client.logger.createOrUpdate(group, service, "a*b", { loggerType: "applicationInsights", credentials: { instrumentationKey: key } }), 400, "ValidationError");
    assert.deepEqual((await all(client.logger.listByService(group, service))).map((l) => l.name), before);
  },
  "lists are filtered and paged": async () => {
    const names = async (options) => (await all(client.logger.listByService(group, service, options))).map((l) => l.name);
    assert.deepEqual(await names(), ["from-folder", "insights", "system", "text", "user"]);
    assert.deepEqual(await names({ top: 2 }), ["from-folder", "insights", "system", "text", "user"]);
    assert.deepEqual(await names({ skip: 3 }), ["text", "user"]);
    assert.deepEqual(await names({ filter: "name eq 'text' or startswith(name, 'sys')" }), ["system", "text"]);
    assert.deepEqual(await names({ filter: "contains(description, 'use') and not (name eq 'text')" }), ["user"]);
    await fails(() => names({ filter: "colour eq 'red'" }), 400, "ValidationError");
  },
  "a diagnostic of an API, every field": async () => {
    const body = {
      loggerId: scope + "/loggers/insights", alwaysLog: "allErrors", sampling: { samplingType: "fixed", percentage: 12.5 },
      frontend: { request: { headers: ["X-One"], body: { bytes: 8192 }, dataMasking: { queryParams: [{ value: "key", mode: "Hide" }], headers: [{ value: "X-One", mode: "Mask" }] } }, response: { headers: ["X-Two"] } },
      backend: { request: { body: { bytes: 10 } }, response: { headers: ["X-Three"] } },
      logClientIp: true, httpCorrelationProtocol: "Legacy", verbosity: "verbose", operationNameFormat: "Url", metrics: true,
    };
    const made = await client.apiDiagnostic.createOrUpdate(group, service, "shop", "applicationinsights", body);
    assert.equal(made.type, "Microsoft.ApiManagement/service/apis/diagnostics");
    assert.equal(made.id, scope + "/apis/shop/diagnostics/applicationinsights");
    const got = await client.apiDiagnostic.get(group, service, "shop", "applicationinsights");
    for (const [name, value] of Object.entries(body)) assert.deepEqual(got[name], value, name);
    const list = await all(client.apiDiagnostic.listByService(group, service, "shop"));
    assert.deepEqual(list.map((d) => d.name), ["applicationinsights"]);
    const changed = await client.apiDiagnostic.update(group, service, "shop", "applicationinsights", "*", { sampling: { samplingType: "fixed", percentage: 0 } });
    assert.deepEqual([changed.sampling.percentage, changed.verbosity, changed.frontend], [0, "verbose", body.frontend]);
  },
  "bad diagnostics change nothing": async () => {
    const put = (id, body) => client.apiDiagnostic.createOrUpdate(group, service, "shop", id, { loggerId: scope + "/loggers/insights", ...body });
    const before = await client.apiDiagnostic.get(group, service, "shop", "applicationinsights");
    for (const [body, target] of [
      [{ loggerId: scope + "/loggers/nobody" }, "loggerId"],
      [{ sampling: { samplingType: "fixed", percentage: 101 } }, "sampling.percentage"],
      [{ verbosity: "chatty" }, "verbosity"],
      [{ frontend: { request: { body: { bytes: -1 } } } }, "body.bytes"],
    ]) {
      const error = await fails(() => put("applicationinsights", body), 400, "ValidationError");
      assert.equal(error.details.error.target, target, error.message);
    }
    await fails(() => put("azuremonitor", {}), 400, "ValidationError");
    await fails(() => client.apiDiagnostic.createOrUpdate(group, service, "nowhere", "applicationinsights", { loggerId: "x" }), 404, "ResourceNotFound");
    assert.deepEqual(await client.apiDiagnostic.get(group, service, "shop", "applicationinsights"), before);
  },
  "a logger in use stays": async () => {
    const error = await fails(() => client.logger.delete(group, service, "insights", "*"), 400, "ValidationError");
    assert.match(error.message, /applicationinsights/);
  },
  "deleting": async () => {
    const { eTag, credentials } = await client.logger.get(group, service, "text");
    await client.logger.delete(group, service, "text", eTag);
    await client.logger.delete(group, service, "text", "*"); // 204
    await fails(() => client.logger.get(group, service, "text"), 404);
    await fails(() => client.namedValue.get(group, service, credentials.connectionString.slice(2, -2)), 404);
    await fails(() => client.logger.delete(group, service, "from-folder", "*"), 409, "Conflict");
    const d = await client.diagnostic.get(group, service, "applicationinsights");
    await fails(() => client.diagnostic.delete(group, service, "applicationinsights", d.eTag), 409, "Conflict");
  },
  "over the folder's, and back": async () => {
    const before = await client.diagnostic.get(group, service, "applicationinsights");
    const changed = await client.diagnostic.update(group, service, "applicationinsights", before.eTag, { verbosity: "error" });
    assert.equal(changed.verbosity, "error");
    await client.diagnostic.delete(group, service, "applicationinsights", changed.eTag);
    assert.deepEqual(await client.diagnostic.get(group, service, "applicationinsights"), before);
  },
  "named values of one's own": async () => {
    const body = { displayName: "ai-key", value: key, secret: true, tags: ["a"] };
    const made = await client.namedValue.beginCreateOrUpdateAndWait(group, service, "ai", body);
    assert.deepEqual([made.displayName, made.value, made.secret, made.tags], ["ai-key", undefined, true, ["a"]]);
    const logger = await client.logger.createOrUpdate(group, service, "named", { loggerType: "applicationInsights", credentials: { instrumentationKey: "{{ai-key}}" } });
    assert.equal(logger.credentials.instrumentationKey, "{{ai-key}}");
    const changed = await client.namedValue.beginUpdateAndWait(group, service, "ai", "*", { tags: ["b"] });
    assert.deepEqual(changed.tags, ["b"]);
    assert.equal((await client.namedValue.listValue(group, service, "ai")).value, key);
  },
});
