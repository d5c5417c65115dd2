/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a results document that was written earlier. The tables below say what the writers
 * rely on; docs/results.schema.json says the same to others, and a test holds the two
 * together. Members that the tables don't name are let through: a later version may add some
 * without a new schema number.
 */
#include <errno.h>
#include <string.h>

#include "base/jsonloc.h"
#include "report/doc.h"
#include "report/report.h"

enum kind {
	KIND_STRING,
	KIND_NUMBER, /* a whole one, not negative, that fits 32 bits */
	KIND_COUNT,  /* a whole one, not negative */
	KIND_REAL,
	KIND_BOOL,
	KIND_WORD,	  /* one of words */
	KIND_STRINGS,	  /* a list of strings */
	KIND_LIST,	  /* of objects of the shape sub */
	KIND_OBJECT,	  /* of the shape sub */
	KIND_OBJECT_LATE, /* the same, which may be missing: from earlier versions it is */
};

struct member {
	const char *key;
	uint8_t kind;
	bool null; /* may be null */
	const struct member *sub;
	const char *const *words;
};

#define STRING(k)                                                                              \
	{                                                                                      \
		(k), KIND_STRING, false, NULL, NULL                                            \
	}
#define STRING_OR_NULL(k)                                                                      \
	{                                                                                      \
		(k), KIND_STRING, true, NULL, NULL                                             \
	}
#define NUMBER(k)                                                                              \
	{                                                                                      \
		(k), KIND_NUMBER, false, NULL, NULL                                            \
	}
#define COUNT(k)                                                                               \
	{                                                                                      \
		(k), KIND_COUNT, false, NULL, NULL                                             \
	}
#define REAL(k)                                                                                \
	{                                                                                      \
		(k), KIND_REAL, false, NULL, NULL                                              \
	}
#define NUMBER_OR_NULL(k)                                                                      \
	{                                                                                      \
		(k), KIND_NUMBER, true, NULL, NULL                                             \
	}
#define BOOL(k)                                                                                \
	{                                                                                      \
		(k), KIND_BOOL, false, NULL, NULL                                              \
	}
#define WORD(k, w)                                                                             \
	{                                                                                      \
		(k), KIND_WORD, false, NULL, (w)                                               \
	}
#define STRINGS(k)                                                                             \
	{                                                                                      \
		(k), KIND_STRINGS, false, NULL, NULL                                           \
	}
#define LIST(k, s)                                                                             \
	{                                                                                      \
		(k), KIND_LIST, false, (s), NULL                                               \
	}
#define OBJECT(k, s)                                                                           \
	{                                                                                      \
		(k), KIND_OBJECT, false, (s), NULL                                             \
	}
#define OBJECT_OR_NULL(k, s)                                                                   \
	{                                                                                      \
		(k), KIND_OBJECT, true, (s), NULL                                              \
	}
#define OBJECT_LATE(k, s)                                                                      \
	{                                                                                      \
		(k), KIND_OBJECT_LATE, false, (s), NULL                                        \
	}
#define PLACE                                                                                  \
	STRING_OR_NULL("file"), NUMBER_OR_NULL("line"), NUMBER_OR_NULL("column"),              \
		NUMBER_OR_NULL("end_column"), STRING_OR_NULL("path"), STRING_OR_NULL("text")
#define END                                                                                    \
	{                                                                                      \
		NULL, 0, false, NULL, NULL                                                     \
	}

static const char *const commands[] = { "check", "diff", "lint", "sample", NULL };
static const char *const severities[] = { "low", "medium", "high", "critical", NULL };
static const char *const certainties[] = { "certain", "possible", NULL };
static const char *const verdicts[] = { "aligned", "misaligned", "inconclusive", NULL };
static const char *const classes[] = { "bounded", "rejected", NULL };
static const char *const levels[] = { "note", "warning", "error", NULL };

static const struct member stamp[] = { STRING("version"), NUMBER("schema"), END };
static const struct member policy[] = { STRING("name"), STRING_OR_NULL("version"), END };
static const struct member witness[] = { STRING("family"),
					 STRING("protocol"),
					 NUMBER("protocol_number"),
					 STRING("source"),
					 NUMBER_OR_NULL("source_port"),
					 STRING("destination"),
					 NUMBER_OR_NULL("destination_port"),
					 NUMBER_OR_NULL("icmp_type"),
					 NUMBER_OR_NULL("icmp_code"),
					 STRING_OR_NULL("flags"),
					 STRING("state"),
					 STRING("text"),
					 STRING("say"),
					 END };
static const struct member counterpart[] = { STRING("from"), STRING("to"),
					     OBJECT_OR_NULL("witness", witness), END };
static const struct member rule[] = { STRING("role"),
				      STRING_OR_NULL("device"),
				      STRING_OR_NULL("plane"),
				      STRING_OR_NULL("ruleset"),
				      STRING_OR_NULL("kind"),
				      STRING_OR_NULL("rule"),
				      STRING_OR_NULL("note"),
				      STRING_OR_NULL("owner"),
				      PLACE,
				      END };
static const struct member exception[] = { STRING("id"),
					   BOOL("expired"),
					   STRING_OR_NULL("expires"),
					   STRING_OR_NULL("justification"),
					   STRING_OR_NULL("owner"),
					   STRING_OR_NULL("approved_by"),
					   END };
static const struct member seen[] = { STRING("where"),
				      COUNT("packet"),
				      STRING_OR_NULL("first"),
				      STRING_OR_NULL("last"),
				      COUNT("flows"),
				      COUNT("answered"),
				      COUNT("packets"),
				      COUNT("bytes"),
				      STRING_OR_NULL("segment"),
				      STRING_OR_NULL("model"),
				      STRING_OR_NULL("why"),
				      STRING_OR_NULL("excerpt"),
				      END };
static const struct member finding[] = { STRING("id"),
					 STRING("check"),
					 WORD("severity", severities),
					 WORD("certainty", certainties),
					 STRING_OR_NULL("from"),
					 STRING_OR_NULL("to"),
					 STRING_OR_NULL("from_tenant"),
					 STRING_OR_NULL("to_tenant"),
					 STRING_OR_NULL("plane"),
					 STRING("title"),
					 STRING_OR_NULL("message"),
					 OBJECT_OR_NULL("witness", witness),
					 OBJECT_LATE("counterpart", counterpart),
					 LIST("rules", rule),
					 OBJECT_LATE("seen", seen),
					 STRINGS("traffic"),
					 NUMBER("traffic_left"),
					 STRINGS("path"),
					 STRING_OR_NULL("owner"),
					 STRING_OR_NULL("responsible"),
					 STRINGS("controls"),
					 OBJECT_OR_NULL("exception", exception),
					 STRING("fingerprint"),
					 END };
static const struct member place[] = { PLACE, END };
static const struct member coverage[] = { STRING("from"),
					  STRING("to"),
					  STRING("plane"),
					  WORD("verdict", verdicts),
					  STRING("why"),
					  OBJECT_OR_NULL("place", place),
					  STRINGS("points"),
					  STRINGS("findings"),
					  END };
static const struct member zone[] = { STRING("name"), STRING_OR_NULL("tenant"),
				      BOOL("external"), END };
/* That the letters are known and the rows of one length is seen to by zone_matrix_read(). */
static const struct member letter[] = { STRING("letter"), STRING("says"), END };
static const struct member matrix[] = { LIST("zones", zone), LIST("legend", letter),
					STRINGS("rows"), END };
static const struct member counts[] = { NUMBER("total"),    NUMBER("exact"),
					NUMBER("bounded"),  NUMBER("irrelevant"),
					NUMBER("rejected"), END };
static const struct member entry[] = { WORD("class", classes), STRING("why"), PLACE, END };
static const struct member account[] = {
	STRING("unit"),		  NUMBER("total"),	  NUMBER("exact"),
	NUMBER("bounded"),	  NUMBER("irrelevant"),	  NUMBER("rejected"),
	OBJECT("policy", counts), LIST("entries", entry), END
};
static const struct member source[] = {
	STRING("name"), STRING_OR_NULL("sha256"),   STRING_OR_NULL("collector"),
	BOOL("failed"), OBJECT("account", account), END
};
static const struct member file[] = { STRING("name"), STRING_OR_NULL("sha256"), END };
static const struct member related[] = { STRING("message"), PLACE, END };
static const struct member diagnostic[] = { WORD("severity", levels), STRING("code"),
					    STRING("message"),	      PLACE,
					    LIST("related", related), END };
static const struct member left[] = { STRING("code"), NUMBER("left"), END };
static const struct member check[] = { STRING("id"), STRING("title"), STRING("help"),
				       WORD("severity", severities), END };
static const struct member control[] = { STRING("id"),
					 STRING_OR_NULL("framework"),
					 STRING_OR_NULL("title"),
					 STRING_OR_NULL("responsible"),
					 STRINGS("checks"),
					 END };
static const struct member cover_counts[] = { NUMBER("aligned"), NUMBER("misaligned"),
					      NUMBER("inconclusive"), END };
static const struct member summary[] = { NUMBER("findings"),
					 NUMBER("critical"),
					 NUMBER("high"),
					 NUMBER("medium"),
					 NUMBER("low"),
					 NUMBER("certain"),
					 NUMBER("possible"),
					 NUMBER("excepted"),
					 NUMBER("expired"),
					 OBJECT("coverage", cover_counts),
					 NUMBER("errors"),
					 NUMBER("warnings"),
					 NUMBER("witnesses"),
					 NUMBER("replayed"),
					 NUMBER("exit_code"),
					 STRING("exit_reason"),
					 END };
static const struct member window[] = { STRING_OR_NULL("first"), STRING_OR_NULL("last"), END };
static const struct member anomaly[] = { STRING("anomaly"), COUNT("packets"), END };
static const struct member packets[] = { COUNT("received"),
					 COUNT("processed"),
					 COUNT("dropped_kernel"),
					 COUNT("dropped_interface"),
					 BOOL("drops_known"),
					 COUNT("sampled_out"),
					 COUNT("truncated"),
					 COUNT("anomalous"),
					 COUNT("no_ip"),
					 COUNT("opaque"),
					 COUNT("backwards"),
					 COUNT("bytes"),
					 LIST("anomalies", anomaly),
					 END };
static const struct member observed[] = { STRING("verdict"), COUNT("flows"), COUNT("packets"),
					  END };
static const struct member between[] = { COUNT("flows"), COUNT("violating"), COUNT("unknown"),
					 REAL("rate_bound_95"), END };
static const struct member all[] = { COUNT("flows"), COUNT("violating"), REAL("rate_bound_95"),
				     END };
static const struct member pair[] = { STRING("from"),	COUNT("flows"),	  STRING("to"),
				      COUNT("packets"), COUNT("bytes"),	  COUNT("declared"),
				      COUNT("unknown"), COUNT("violating"), END };
static const struct member missed[] = { STRING("from"), STRING("to"), END };
static const struct member declared[] = { STRING("id"),	    STRING("action"),
					  COUNT("flows"),   COUNT("packets"),
					  STRING_OR_NULL("last"), PLACE, END };
static const struct member statement[] = { STRINGS("inputs"),
					   BOOL("live"),
					   STRING_OR_NULL("filter"),
					   STRING_OR_NULL("sandbox"),
					   OBJECT("window", window),
					   OBJECT("packets", packets),
					   NUMBER("one_in"),
					   COUNT("judged"),
					   COUNT("evicted"),
					   COUNT("answers"),
					   COUNT("excepted"),
					   COUNT("positive_control"),
					   LIST("verdicts", observed),
					   OBJECT("between_tenants", between),
					   OBJECT("all", all),
					   LIST("tenant_pairs", pair),
					   LIST("tenant_pairs_missed", missed),
					   NUMBER("tenant_pairs_missed_left"),
					   LIST("zone_pairs", pair),
					   LIST("declared_flows", declared),
					   STRINGS("inconclusive"),
					   STRINGS("notes"),
					   END };
static const struct member document[] = {
	OBJECT("plumbline", stamp),	 WORD("command", commands),
	STRING_OR_NULL("estate"),	 OBJECT_OR_NULL("policy", policy),
	STRING_OR_NULL("as_of"),	 LIST("findings", finding),
	LIST("coverage", coverage),	 OBJECT_LATE("matrix", matrix),
	OBJECT_LATE("statement", statement),
	LIST("sources", source),	 LIST("files", file),
	LIST("diagnostics", diagnostic), LIST("diagnostics_left", left),
	LIST("checks", check),		 LIST("controls", control),
	OBJECT("summary", summary),	 END
};

struct reader {
	struct diags *diags;
	const struct jsonloc *loc;
	const json_t *around; /* the object that is looked at */
};

static int wrong(struct reader *r, const json_t *at, const char *key, const char *what)
{
	/* Places are kept by address, which true, false and null don't have. */
	struct loc loc = jsonloc_of(r->loc, r->diags->arena, at);
	if (!loc.src)
		loc = jsonloc_of(r->loc, r->diags->arena, r->around);
	return diag_error(r->diags, EINVAL, "results.json", loc, "\"%s\" %s", key, what);
}

static int check_object(struct reader *r, const json_t *obj, const struct member *shape);

static int check_list(struct reader *r, const json_t *list, const struct member *m)
{
	size_t i;
	json_t *v;
	int err = 0;
	if (!json_is_array(list))
		return wrong(r, list, m->key, "has to be a list");
	json_array_foreach (list, i, v) {
		if (m->kind == KIND_STRINGS ? !json_is_string(v) : !json_is_object(v))
			return wrong(r, v, m->key,
				     m->kind == KIND_STRINGS ? "has to hold strings only"
							     : "has to hold objects only");
		if (m->kind == KIND_LIST && !err)
			err = check_object(r, v, m->sub);
	}
	return err;
}

static bool among(const json_t *v, const char *const *words)
{
	for (const char *s = json_string_value(v); s && *words; words++)
		if (!strcmp(s, *words))
			return true;
	return false;
}

static int check_member(struct reader *r, const json_t *v, const struct member *m)
{
	if (m->null && json_is_null(v))
		return 0;
	switch ((enum kind)m->kind) {
	case KIND_STRING:
		return json_is_string(v) ? 0 : wrong(r, v, m->key, "has to be a string");
	case KIND_NUMBER:
		return json_is_integer(v) && json_integer_value(v) >= 0 &&
				       json_integer_value(v) <= UINT32_MAX
			       ? 0
			       : wrong(r, v, m->key,
				       "has to be a whole number of at most 32 bits");
	case KIND_COUNT:
		return json_is_integer(v) && json_integer_value(v) >= 0
			       ? 0
			       : wrong(r, v, m->key, "has to be a whole number");
	case KIND_REAL:
		return json_is_number(v) ? 0 : wrong(r, v, m->key, "has to be a number");
	case KIND_BOOL:
		return json_is_boolean(v) ? 0 : wrong(r, v, m->key, "has to be true or false");
	case KIND_WORD:
		return among(v, m->words) ? 0
					  : wrong(r, v, m->key, "has a word that isn't known");
	case KIND_STRINGS:
	case KIND_LIST:
		return check_list(r, v, m);
	case KIND_OBJECT:
	case KIND_OBJECT_LATE:
		return json_is_object(v) ? check_object(r, v, m->sub)
					 : wrong(r, v, m->key, "has to be an object");
	}
	return 0;
}

static int check_object(struct reader *r, const json_t *obj, const struct member *shape)
{
	for (const struct member *m = shape; m->key; m++) {
		const json_t *v = json_object_get(obj, m->key);
		r->around = obj;
		int err = v				? check_member(r, v, m)
			  : m->kind == KIND_OBJECT_LATE ? 0
							: wrong(r, obj, m->key, "is missing");
		if (err)
			return err;
	}
	return 0;
}

static int check_version(struct reader *r, const json_t *doc)
{
	const json_t *s = doc_object(doc, "plumbline");
	const json_t *schema = json_object_get(s, "schema");
	if (!json_is_integer(schema))
		return diag_error(r->diags, EINVAL, "results.json",
				  jsonloc_of(r->loc, r->diags->arena, doc),
				  "this is not a results document: write one with "
				  "`plumbline check --format json`");
	if (json_integer_value(schema) != DOC_SCHEMA)
		return diag_error(
			r->diags, EINVAL, "results.version",
			jsonloc_of(r->loc, r->diags->arena, schema),
			"schema %lld, this program reads %d: render it with plumbline %s",
			(long long)json_integer_value(schema), DOC_SCHEMA,
			doc_get(s, "version"));
	return 0;
}

json_t *results_read(struct diags *d, const struct source *src)
{
	json_t **roots;
	size_t n;
	struct jsonloc *loc;
	if (jsonloc_parse(d, src, &roots, &n, &loc))
		return NULL;
	json_t *doc = NULL;
	struct reader r = { d, loc, NULL };
	if (n != 1)
		diag_error(d, EINVAL, "results.json", (struct loc){ .src = src },
			   "%zu documents where there has to be one", n);
	else if (!check_version(&r, roots[0]) && !check_object(&r, roots[0], document))
		doc = json_incref(roots[0]);
	jsonloc_roots_free(roots, n);
	jsonloc_destroy(loc);
	return doc;
}
