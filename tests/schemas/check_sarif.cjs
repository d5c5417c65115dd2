// SPDX-License-Identifier: Apache-2.0
//
// SARIF logs against the OASIS schema and against what GitHub's code scanning demands.
// The package @microsoft/jest-sarif carries the schema of the OASIS Standard; what errata 01
// (OASIS, 28 August 2023) made stricter is added here.
'use strict';
const fs = require('fs');
const Ajv = require('ajv-draft-04').default;
const addFormats = require('ajv-formats').default;

function oasis_schema() {
	const dir = require('path').dirname(require.resolve('@microsoft/jest-sarif/package.json'));
	const schema = JSON.parse(fs.readFileSync(dir + '/lib/schemas/sarif-2.1.0-rtm.5.json', 'utf8'));
	const region = schema.definitions.region;
	region.anyOf = ['startLine', 'charOffset', 'byteOffset'].map((m) => ({ required: [m] }));
	for (const name of ['run', 'toolComponent'])
		schema.definitions[name].properties.language.pattern = '^[a-zA-Z]{2}(-[a-zA-Z]{2})?$';
	return schema;
}

const ajv = new Ajv({ allErrors: true, strict: false });
addFormats(ajv);
const valid = ajv.compile(oasis_schema());

// GitHub: "SARIF support for code scanning", with its limits.
function github(log) {
	const wrong = [];
	const ok = (cond, what) => cond || wrong.push(what);
	ok(log.$schema && log.version === '2.1.0' && log.runs.length <= 20, 'log');
	for (const run of log.runs) {
		const rules = run.tool.driver.rules;
		ok(run.tool.driver.name && Array.isArray(rules), 'tool');
		ok(run.automationDetails.id.split('/').length > 2, 'automationDetails.id');
		ok(rules.length <= 25000 && run.results.length <= 25000, 'limits');
		ok(run.artifacts.every((a) => /^[0-9a-f]{64}$/.test(a.hashes['sha-256'])), 'hashes');
		for (const r of rules) {
			const p = r.properties, score = Number(p['security-severity']);
			ok(r.name.length <= 255, r.id + ': name');
			for (const d of ['shortDescription', 'fullDescription'])
				ok(r[d].text && r[d].text.length <= 1024, r.id + ': ' + d);
			ok(r.help.text && r.help.markdown, r.id + ': help');
			ok(['note', 'warning', 'error'].includes(r.defaultConfiguration.level), r.id + ': level');
			ok(typeof p['security-severity'] === 'string' && score > 0 && score <= 10, r.id + ': score');
			ok(p.tags.includes('security') && p.tags.length <= 20, r.id + ': tags');
		}
		const ids = new Set();
		for (const r of run.results) {
			const hash = r.partialFingerprints.primaryLocationLineHash;
			ok(rules[r.ruleIndex] && rules[r.ruleIndex].id === r.ruleId, r.ruleId + ': rule');
			ok(r.message.text, r.ruleId + ': message');
			ok(r.kind !== 'open' || r.level === undefined, r.ruleId + ': level of an open result');
			ok(hash && !ids.has(hash), r.ruleId + ': fingerprint');
			ids.add(hash);
			const places = r.locations.concat(r.relatedLocations || []);
			ok(r.locations.length === 1 && places.length <= 1000, r.ruleId + ': locations');
			for (const l of places) {
				const a = l.physicalLocation.artifactLocation, g = l.physicalLocation.region;
				ok(!/^([a-z]+:|\/)/i.test(a.uri), a.uri + ': not relative');
				ok(decodeURI(run.artifacts[a.index].location.uri) === decodeURI(a.uri), a.uri + ': index');
				ok(g.startLine >= 1 && g.startColumn >= 1 && g.endLine >= g.startLine &&
				   g.endColumn > g.startColumn, a.uri + ': region');
			}
			for (const m of r.message.text.matchAll(/[^\\]\]\((\d+)\)/g))
				ok((r.relatedLocations || []).some((l) => l.id === Number(m[1])), r.ruleId + ': link');
		}
	}
	return wrong;
}

let failed = 0;
const files = process.argv.slice(2);
for (const file of files) {
	const log = JSON.parse(fs.readFileSync(file, 'utf8'));
	const wrong = valid(log) ? github(log) : valid.errors.map((e) => e.instancePath + ' ' + e.message);
	for (const w of wrong.slice(0, 10))
		console.log(file + ': ' + w);
	failed += wrong.length > 0;
}

// The schema has to be able to say no.
const broken = JSON.parse(fs.readFileSync(files[0], 'utf8'));
delete broken.runs[0].tool.driver.name;
if (valid(broken)) {
	console.log('a broken log is valid');
	failed++;
}
process.exit(failed ? 1 : 0);
