// What is nicer with script. Every page and form works without it.
"use strict";
document.documentElement.classList.add("script");
