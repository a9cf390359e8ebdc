"use strict";
(() => {
  const main = document.querySelector("main");
  const note = document.getElementById("connection");
  let source = null;
  let over = false;
  let again = 0;

  // What is unfolded stays so where its section is replaced.
  const replace = (id, html) => {
    const made = document.createElement("template");
    made.innerHTML = html;
    const fresh = made.content.firstElementChild;
    const old = document.getElementById(id);
    if (!old) {
      main.append(fresh);
      return;
    }
    const before = old.querySelectorAll("details");
    fresh.querySelectorAll("details").forEach((one, i) => { one.open = Boolean(before[i]?.open); });
    old.replaceWith(fresh);
  };

  const close = () => {
    source?.close();
    source = null;
    clearTimeout(again);
  };

  const open = () => {
    if (source || over || document.hidden) return;
    source = new EventSource("/events");
    source.onopen = () => { note.textContent = ""; };
    source.onmessage = event => {
      const parts = JSON.parse(event.data);
      for (const [id, html] of Object.entries(parts)) replace(id, html);
      const title = document.querySelector("h1");
      if (title) document.title = title.textContent;
      document.dispatchEvent(new Event("page:replaced"));
    };
    source.addEventListener("over", () => {
      over = true;
      close();
      note.textContent = "The run has ended.";
    });
    source.onerror = () => {
      note.textContent = "Connection lost, trying again …";
      if (source.readyState === EventSource.CLOSED) {  // an answer that is no stream: it gives up
        close();
        again = setTimeout(open, 3000);
      }
    };
  };

  // A browser has six connections to a server: tabs that nobody sees leave theirs to others.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
})();
