// Runs checks one after the other and prints a line of JSON for each: the Go
// test reads them. A check that throws has failed.
import assert from "node:assert/strict";
import { ApiManagementClient } from "@azure/arm-apimanagement";

export const settings = JSON.parse(process.env.GATEHOUSE_TEST);

export const subscription = "11111111-2222-3333-4444-555555555555";
export const group = "shops";
export const service = settings.service;
export const scope = `/subscriptions/${subscription}/resourceGroups/${group}/providers/Microsoft.ApiManagement/service/${service}`;

export const credential = (token) => ({ getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3600_000 }) });

// The client as Azure publishes it; only the endpoint is Gatehouse's.
export const clientWith = (token) => new ApiManagementClient(credential(token), subscription, { endpoint: settings.url, retryOptions: { maxRetries: 0 } });
export const client = clientWith(settings.token);

export async function run(checks) {
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      console.log(JSON.stringify({ name, ok: true }));
    } catch (error) {
      console.log(JSON.stringify({ name, ok: false, detail: String(error.stack ?? error).slice(0, 2000) }));
    }
  }
}

// fails gives the error that a call ends with.
export async function fails(call, status, code) {
  let result;
  try {
    result = await call();
  } catch (error) {
    if (status) assert.equal(error.statusCode, status, error.stack);
    if (code) assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail("no error, but " + JSON.stringify(result).slice(0, 500));
}

export async function all(pages) {
  const out = [];
  for await (const one of pages) out.push(one);
  return out;
}
