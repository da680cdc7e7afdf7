//! Where something about a person may lie, and what becomes of it when the person is erased: data, checked against the schema
//! by a test. A new table with such columns needs a line here.
//!
//! What is counted stays: orders, leads and events remain as facts without anybody behind them; what describes a person goes.

/// What a column holds of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// An id: of a customer, an actor, a lead.
    Person,
    /// SHA-256 of an address or a number.
    Hash,
    /// The id of one of their orders.
    Order,
}

#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub column: &'static str,
    pub of: Of,
}

/// What is put into a column instead.
#[derive(Clone, Copy, Debug)]
pub enum To {
    Null,
    Text(&'static str),
    EmptyObject,
    /// `erased:` and the row's own id: still one account each, of nobody.
    OwnId,
    /// A name that nobody can be found by: the same for the same words within one erasure, so that what was counted for one
    /// person is still counted for one.
    Alias,
    /// These keys of an object, nothing else.
    Keep(&'static [&'static str]),
    /// An object without these keys.
    Without(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Delete,
    Clear(&'static [(&'static str, To)]),
}

#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub table: &'static str,
    pub keys: &'static [Key],
    pub fate: Fate,
    /// Only rows with this value in this column.
    pub only: Option<(&'static str, &'static str)>,
}

const fn person(column: &'static str) -> Key {
    Key { column, of: Of::Person }
}

const fn hash(column: &'static str) -> Key {
    Key { column, of: Of::Hash }
}

const fn order(column: &'static str) -> Key {
    Key { column, of: Of::Order }
}

const fn delete(table: &'static str, keys: &'static [Key]) -> Rule {
    Rule { table, keys, fate: Fate::Delete, only: None }
}

const fn clear(table: &'static str, keys: &'static [Key], to: &'static [(&'static str, To)]) -> Rule {
    Rule { table, keys, fate: Fate::Clear(to), only: None }
}

const ACTOR: &[Key] = &[person("actor_id"), person("customer_id")];
/// What a touch is counted by.
const TOUCH: To = To::Keep(&["channel", "campaign_id"]);
/// Properties of events in which somebody's own words or ways stand; the others are counted.
const WORDS: To = To::Without(&[
    "search_query",
    "reason",
    "cancel_reason",
    "filters_applied",
    "destination_url",
    "link_url",
    "message_id",
    "booking_id",
    "customer_id",
]);
const WAYS: To = To::Without(&[
    "click_ids",
    "user_agent",
    "ip",
    "page_url",
    "referrer",
    "customer_id",
    "user_segment",
    "experiment",
    "consent",
    "locale",
    "region",
]);

/// In the order in which they are applied: what others are found through comes last.
pub const RULES: &[Rule] = &[
    clear(
        "events",
        ACTOR,
        &[
            // As an event that nobody did.
            ("actor_type", To::Text("system")),
            ("actor_id", To::Alias),
            ("customer_id", To::Null),
            ("session_id", To::Alias),
            ("session_seq", To::Null),
            ("props", WORDS),
            ("context", WAYS),
        ],
    ),
    delete("touches", ACTOR),
    delete("user_metrics", ACTOR),
    delete("behavioral_profiles", ACTOR),
    delete("model_predictions", ACTOR),
    delete("segment_members", ACTOR),
    delete("experiment_assignments", ACTOR),
    delete("consents", &[person("customer_id")]),
    clear("refunds", &[order("order_id")], &[("reason", To::Text("")), ("extra", To::EmptyObject)]),
    clear("invoices", &[person("customer_id")], &[("customer_id", To::OwnId), ("extra", To::EmptyObject)]),
    clear(
        "subscriptions",
        &[person("customer_id")],
        &[("customer_id", To::OwnId), ("cancel_reason", To::Text("")), ("extra", To::EmptyObject)],
    ),
    clear(
        "orders",
        &[person("customer_id"), order("id")],
        &[("customer_id", To::Null), ("landing_site", To::Null), ("extra", To::EmptyObject)],
    ),
    Rule {
        only: Some(("kind", "lead")),
        ..clear(
            "entities",
            &[person("id")],
            &[
                ("name", To::Text("")),
                ("url", To::Null),
                ("attrs", To::EmptyObject),
                ("extra", To::EmptyObject),
            ],
        )
    },
    clear(
        "lead_sources",
        &[person("lead_id")],
        &[("referrer", To::Text("")), ("landing_path", To::Text("")), ("touch_id", To::Null)],
    ),
    clear(
        "leads",
        &[person("id"), person("customer_id")],
        &[
            ("contact", To::Null),
            ("customer_id", To::Null),
            ("first_touch", TOUCH),
            ("last_touch", TOUCH),
            ("extra", To::EmptyObject),
        ],
    ),
    delete("customers", &[person("id"), hash("email_hash"), hash("email_hash_google"), hash("phone_hash")]),
    delete("actor_links", ACTOR),
];

/// Words that people or programs wrote, in which an id, an address or a number of the person may stand: it is struck out.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    pub table: &'static str,
    pub texts: &'static [&'static str],
    pub objects: &'static [&'static str],
}

const fn words(
    table: &'static str,
    texts: &'static [&'static str],
    objects: &'static [&'static str],
) -> Words {
    Words { table, texts, objects }
}

pub const WORDS_OF: &[Words] = &[
    words("conversations", &["title", "summary"], &[]),
    words("turns", &["question", "answer"], &["context"]),
    words("turn_events", &[], &["payload"]),
    words("tool_calls", &[], &["params"]),
    words("query_runs", &["reason"], &["params"]),
    words("receipts", &["figure"], &["steps"]),
    words("memories", &["text"], &[]),
    words("feedback", &["note"], &[]),
    words("reviews", &["note"], &[]),
    words("report_runs", &[], &["sections"]),
    words("imports", &["file_name"], &["errors", "detected"]),
    words("sync_runs", &["error_message"], &["warnings", "holes"]),
    words("outbox", &[], &["payload"]),
    words("notice_messages", &[], &["body"]),
    words("slack_inbound", &["error"], &["body"]),
    words("slack_homes", &[], &["pages"]),
    words("idempotency_keys", &[], &["reply"]),
    words("webhook_events", &[], &["headers"]),
];

/// Copies that can be made again: a row in which the person stands is deleted.
pub const COPIES: &[Words] = &[
    words("query_results", &[], &["rows", "totals", "meta"]),
    words("rejected_samples", &[], &["fragment"]),
];

/// Bytes in which the person may stand: table, column, and what else is set where they are emptied. A delivery that waits to be
/// worked on is left to the next sync, which brings the thing without the person.
pub const BYTES: &[(&str, &str, &str)] = &[
    ("webhook_events", "body", ", state = case when state = 'new' then 'ignored' else state end"),
    ("report_runs", "file", ""),
];

/// Files for people that hold lists of people: sealed or packed, so that nobody can look for one person in them. All go; each
/// can be made again, and lives for a day at most.
pub const FILES: &[&str] = &["export_files"];

/// Names of columns that may hold something about a person, wherever they stand.
pub const TELLING: &[&str] = &[
    "actor_id",
    "customer_id",
    "lead_id",
    "user_id",
    "visitor_id",
    "contact_id",
    "subscriber_id",
    "session_id",
    "email",
    "email_hash",
    "email_hash_google",
    "phone",
    "phone_hash",
    "mobile",
    "contact",
    "contacts",
    "first_name",
    "last_name",
    "full_name",
    "address",
    "street",
    "zip",
    "birth_year",
    "birthdate",
    "gender",
    "ip",
    "user_agent",
    "person",
    "recipient",
    "external_user",
    "subject",
    "subjects",
    "subject_hashes",
    "subject_hmac",
    "first_touch",
    "last_touch",
    "fragment",
    "body",
    "payload",
    "question",
    "answer",
    "note",
    "reply",
    "file",
];

/// Tables with such columns that keep them, and why.
pub const KEPT: &[(&str, &str)] = &[
    ("members", "people of the organisation itself, who sign decisions"),
    ("identities", "members in Slack"),
    ("slack_answers", "members in Slack"),
    ("slack_conversations", "members in Slack"),
    ("slack_homes", "members in Slack; what their pages say is looked through"),
    ("creatives", "texts of ads"),
    ("report_deliveries", "members who were sent a report"),
    ("draft_revisions", "what was approved stays as it was; a draft names no customers"),
    ("import_chunks", "dropped after the commit, and every row of it is screened"),
    (
        "lead_sources",
        "the id of a lead of which nothing else is known, as in leads itself; the rest of the row is cleared",
    ),
    ("webhook_deliveries", "ids of our own, no personal data"),
    ("privacy_jobs", "emptied when the work is done"),
    ("tombstones", "marks, no ids"),
];
