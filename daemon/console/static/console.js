// Live pages: when the change feed goes on, the page's own part is asked for again and put in its place.
// Everything works without this script; it only saves a reload.
(() => {
  "use strict";

  const QUIET = 400;        // milliseconds after a change before the page is asked for: changes come in groups
  const SELDOM = 2000;      // milliseconds between two askings at least
  const CONFIRM = 60000;    // milliseconds after which a quiet page asks when it was last confirmed
  const status = document.getElementById("stream");
  let stream = null, timer = null, asked = performance.now();

  function refresh() {
    timer = null;
    if (!document.getSelection().isCollapsed) return soon();  // somebody is reading closely, or copying
    asked = performance.now();
    htmx.trigger(document.body, "refresh");
  }

  function soon() {
    if (timer === null) timer = setTimeout(refresh, Math.max(QUIET, SELDOM - (performance.now() - asked)));
  }

  function tell(state, words) {
    if (status.dataset.state === state) return;
    status.dataset.state = state;
    status.querySelector(".words").textContent = words;
  }

  // a browser keeps only few connections to a server: one that nobody looks at gives its own back
  function listen() {
    if (document.hidden || stream !== null) return;
    stream = new EventSource(document.body.dataset.events);
    stream.addEventListener("hello", () => tell("live", "live"));
    stream.addEventListener("change", soon);
    stream.addEventListener("resync", () => { rest(); soon(); setTimeout(listen, SELDOM); });
    // the session has ended, or its token was revoked: what is on the screen is no longer theirs
    stream.addEventListener("refused", () => { rest(); location.reload(); });
    stream.onerror = () => tell("off", "not live");
  }

  function rest() {
    if (stream !== null) stream.close();
    stream = null;
    tell("off", "not live");
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return rest();
    listen();
    soon();
  });
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", event => { if (event.persisted) { listen(); soon(); } });
  setInterval(() => { if (!document.hidden && performance.now() - asked > CONFIRM) refresh(); }, 5000);

  // a control left empty asks nothing, and has no place in the address
  document.addEventListener("htmx:configRequest", event => {
    const said = event.detail.parameters;
    for (const name of Object.keys(said)) if (said[name] === "") delete said[name];
  });

  // what had the focus has it again when its part was put in anew
  const focusable = () => [...document.querySelectorAll("#live a, #live button, #live summary, #live [tabindex]")];
  const looks = one => `${one.tagName} ${one.getAttribute("href")} ${one.textContent}`;
  let focused = null;
  document.addEventListener("htmx:beforeSwap", () => {
    const one = document.activeElement, alike = focusable().filter(other => looks(other) === looks(one));
    focused = alike.includes(one) ? [looks(one), alike.indexOf(one)] : null;
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (focused === null || document.activeElement !== document.body) return;
    const alike = focusable().filter(other => looks(other) === focused[0]);
    alike[Math.min(focused[1], alike.length - 1)]?.focus({preventScroll: true});
    focused = null;
  });

  // ages go on
  const begun = new WeakMap();
  function age(seconds) {
    const far = Math.abs(seconds);
    if (far < 60) return `${Math.floor(far)} s`;
    if (far < 3600) return `${Math.floor(far / 60)} min`;
    return far < 172800 ? `${Math.floor(far / 3600)} h` : `${Math.floor(far / 86400)} d`;
  }
  setInterval(() => {
    if (document.hidden) return;
    for (const time of document.querySelectorAll("time[data-age]")) {
      const said = Number(time.dataset.age);
      if (!begun.has(time)) begun.set(time, performance.now());
      if (Math.abs(said) >= 7776000) continue;
      const now = said + (performance.now() - begun.get(time)) / 1000;
      const words = now < 0 ? `in ${age(now)}` : now < 5 ? "just now" : `${age(now)} ago`;
      if (time.textContent !== words) time.textContent = words;
    }
  }, 1000);

  listen();
})();
