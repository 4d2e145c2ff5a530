// What both of octokit's stories share: people with tokens, waiting, and insisting.
//
// `Octokit` is the one of the `octokit` package, as people use it: pagination, retries and throttling come with it.

import assert from "node:assert/strict";
import { Octokit } from "octokit";

const STARTED = Date.now();

/** Octokit as somebody uses it who wrote the address of their Enterprise Server into it. */
export const against = (url) => Octokit.defaults({ baseUrl: `${url}/api/v3`, log: quiet() });

// Refusals are part of these stories; octokit tells of each.
export const quiet = () => ({ debug() {}, info() {}, warn() {}, error() {} });

/** GitHub as one of the people sees it. They are several people: nobody waits for the others' turn. */
export function person(url, login) {
  const Client = against(url);
  return new Client({ auth: `playground-${login}`, throttle: { enabled: false }, request: { retries: 0 } });
}

export function say(text) {
  console.log(`${((Date.now() - STARTED) / 1000).toFixed(1).padStart(5)}  ${text}`);
}

/** What `condition` answers once it is truthy. */
export async function until(what, condition, seconds = 90) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < deadline, `waited in vain until ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The refusal of something that must not work, in the shape that octokit reads out of GitHub's. */
export async function refused(status, promise) {
  try {
    const { status: answered, data } = await promise;
    assert.fail(`expected ${status}, but it worked: ${answered} ${JSON.stringify(data)}`);
  } catch (error) {
    if (error.name !== "HttpError") throw error;
    assert.equal(error.status, status, String(error));
    assert.ok(error.response.data.message && error.response.data.documentation_url, JSON.stringify(error.response.data));
    return error;
  }
}

/** Insists on members of an object, each named by its path. */
export function whole(thing, names) {
  for (const name of names.split(" ")) {
    const value = name.split(".").reduce((at, part) => at?.[part], thing);
    assert.ok(value !== null && value !== undefined, `no ${name} in ${JSON.stringify(thing)}`);
  }
  return thing;
}
