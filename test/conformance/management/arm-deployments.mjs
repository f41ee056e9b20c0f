import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DeploymentsClient } from "@azure/arm-resourcesdeployments";
import { all, client, credential, fails, group, run, scope, service, settings, subscription } from "./check.mjs";

const deployments = new DeploymentsClient(credential(settings.token), subscription, { endpoint: settings.url, retryOptions: { maxRetries: 0 } }).deployments;
const template = JSON.parse(readFileSync("template.json", "utf8"));
const watching = JSON.parse(readFileSync("watching.json", "utf8"));
const providers = `${settings.url}/subscriptions/${subscription}/resourceGroups/${group}/providers/`;
const at = (method, path) => fetch(`${providers}${path}?api-version=2023-04-03`, { method, headers: { authorization: "Bearer " + settings.token } });
const watched = ["Microsoft.Monitor/accounts/templated", "Microsoft.Insights/actionGroups/templated-page",
  "Microsoft.AlertsManagement/prometheusRuleGroups/templated-rules", "Microsoft.Insights/scheduledQueryRules/templated-search"];
const statuses = () => Promise.all(watched.map(async (path) => (await at("GET", path)).status));
const withWatching = (more = {}, change = (t) => t) => ({ properties: { mode: "Incremental", template: change(structuredClone(watching)), parameters: { account: { value: "templated" }, ...more } } });
const body = (parameters, change = (t) => t) => ({ properties: { mode: "Incremental", template: change(structuredClone(template)), parameters } });
const good = { apimName: { value: service }, token: { value: "very-hidden" } };

await run({
  "a template can be validated": async () => {
    await deployments.validate(group, "trial", body(good));
    await fails(() => client.logger.get(group, service, "orders-logger"), 404);
    await fails(() => deployments.get(group, "trial"), 404);
  },
  "and deployed as a whole": async () => {
    const made = await deployments.createOrUpdate(group, "main", body(good));
    assert.equal(made.properties.provisioningState, "Succeeded");
    assert.equal(made.properties.outputs.loggerId.value, scope + "/loggers/orders-logger");
    assert.equal(made.properties.outputResources.length, 5);
    assert.ok(!JSON.stringify(made).includes("very-hidden"), "a secret parameter is shown");
    const logger = await client.logger.get(group, service, "orders-logger");
    assert.equal(logger.description, "from a template");
    assert.equal((await client.namedValue.listValue(group, service, logger.credentials.instrumentationKey.slice(2, -2))).value, settings.ordersKey);
    const d = await client.diagnostic.get(group, service, "applicationinsights");
    assert.deepEqual([d.sampling.percentage, d.alwaysLog, d.metrics, d.loggerId], [50, "allErrors", true, scope + "/loggers/orders-logger"]);
    assert.equal((await client.apiDiagnostic.get(group, service, "shop", "applicationinsights")).verbosity, "verbose");
    assert.equal((await client.namedValue.listValue(group, service, "token")).value, "very-hidden");
  },
  "the deployment is listed": async () => {
    assert.deepEqual((await all(deployments.listByResourceGroup(group))).map((d) => d.name), ["main"]);
    assert.equal((await deployments.get(group, "main")).properties.provisioningState, "Succeeded");
  },
  "the same again changes nothing": async () => {
    const before = await client.logger.get(group, service, "orders-logger");
    await deployments.createOrUpdate(group, "main", body(good));
    assert.deepEqual(await client.logger.get(group, service, "orders-logger"), before);
  },
  "every tier has loggers and diagnostics": async () => {
    for (const sku of ["Developer", "Basic", "Standard", "Premium", "Consumption", "Isolated", "BasicV2", "StandardV2", "PremiumV2"]) {
      await deployments.createOrUpdate(group, "tier", body({ ...good, sku: { value: sku } }));
      const s = await client.apiManagementService.get(group, service);
      assert.deepEqual([s.sku.name, s.publisherName, s.identity.type], [sku, "Contoso", "SystemAssigned"]);
      assert.ok(s.gatewayUrl.startsWith("http"));
      assert.equal((await client.diagnostic.get(group, service, "applicationinsights")).metrics, true);
    }
    await fails(() => deployments.createOrUpdate(group, "tier", body({ ...good, sku: { value: "Gold" } })), 400);
  },
  "a bad template changes nothing": async () => {
    const before = JSON.stringify(await all(client.logger.listByService(group, service)));
    for (const [change, text] of [
      [(t) => { t.resources[2].properties.description = "x".repeat(300); }, /256/],
      [(t) => { t.resources[1].properties.sampling.percentage = 200; t.resources[2].properties.description = "changed"; }, /percentage/],
      [(t) => { t.resources[4].name = "[format('{0}/{1}/{2}', parameters('apimName'), 'nowhere', 'applicationinsights')]"; }, /nowhere/],
      [(t) => { t.resources[2].properties.description = "[parameters('nothing')]"; }, /nothing/],
      [(t) => { t.resources.push({ type: "Microsoft.Compute/virtualMachines", apiVersion: "2024-01-01", name: "vm", properties: {} }); }, /virtualMachines/],
      [(t) => { t.parameters.more = { type: "string" }; }, /more/],
    ]) {
      const error = await fails(() => deployments.createOrUpdate(group, "bad", body(good, (t) => { change(t); return t; })), undefined);
      assert.match(error.message, text);
    }
    assert.equal(JSON.stringify(await all(client.logger.listByService(group, service))), before);
    await fails(() => deployments.get(group, "bad"), 404);
  },
  "metric workspaces, alert rules and action groups are deployed together": async () => {
    await deployments.validate(group, "watching", withWatching());
    assert.deepEqual(await statuses(), [404, 404, 404, 404]);
    const made = await deployments.createOrUpdate(group, "watching", withWatching());
    assert.deepEqual(await statuses(), [200, 200, 200, 200]);
    assert.match(made.properties.outputs.endpoint.value, /\/workspaces\/templated\/prometheus/);
    assert.deepEqual((await (await at("GET", watched[0])).json()).tags, { team: "orders" });
    await deployments.createOrUpdate(group, "watching", withWatching());
    for (const path of [...watched].reverse()) assert.equal((await at("DELETE", path)).status, 200, path);
  },
  "or none of them": async () => {
    const logger = { type: "Microsoft.ApiManagement/service/loggers", apiVersion: "2022-08-01", name: service + "/bad", properties: { loggerType: "applicationInsights", description: "x".repeat(300) } };
    for (const [given, status] of [
      [withWatching({ expression: { value: "sum(" } }), 400],
      [withWatching({ account: { value: "no such name!" } }), 400],
      [withWatching({ account: { value: "default" } }), 409],
      [withWatching({}, (t) => { t.resources[2].properties.webhookReceivers[0].serviceUri = "nowhere"; return t; }), 400],
      [withWatching({}, (t) => { t.resources[3].properties.criteria.allOf[0].query = "AppRequests | wher"; return t; }), 400],
      [withWatching({}, (t) => { t.resources.push(logger); return t; }), 400],
    ]) {
      await fails(() => deployments.createOrUpdate(group, "watching-bad", given), status);
      await fails(() => deployments.validate(group, "watching-bad", given));
      assert.deepEqual(await statuses(), [404, 404, 404, 404]);
    }
  },
  "forgetting a deployment leaves what it made": async () => {
    await deployments.delete(group, "main");
    await deployments.delete(group, "tier");
    await deployments.delete(group, "watching");
    await fails(() => deployments.get(group, "main"), 404);
    assert.equal((await client.logger.get(group, service, "orders-logger")).name, "orders-logger");
    await client.apiDiagnostic.delete(group, service, "shop", "applicationinsights", "*");
    await client.diagnostic.delete(group, service, "applicationinsights", "*");
    await client.logger.delete(group, service, "orders-logger", "*");
    await client.namedValue.delete(group, service, "token", "*");
  },
});
