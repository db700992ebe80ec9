const semver = require("semver");
console.log(semver.gt("2.0.0", "1.9.9"));
