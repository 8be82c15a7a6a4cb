// The one script tag that a shop would write, with the account's name from the quickstart's facts.
const facts = await (await fetch("/quickstart/facts.json")).json();
const tag = document.createElement("script");
tag.src = `/in/${encodeURIComponent(facts.webchat)}/widget.js`;
tag.async = true;
tag.dataset.lang = (navigator.language || "ja").startsWith("ja") ? "ja" : "en";
tag.dataset.open = "";
document.body.append(tag);
