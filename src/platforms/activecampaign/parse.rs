//! Answers of ActiveCampaign's API v3, read without trust: every number is a text, and times carry the account's offset.
use crate::money::Currency;
use crate::platforms::rows::{Campaign, Consent, Customer, Daily, Entity};
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

/// One page of a list: its elements as they are, and how many there are of all.
#[derive(Clone, Debug)]
pub struct Page {
    pub body: Value,
    pub count: usize,
    /// `meta.total`, a text.
    pub total: Option<usize>,
}

/// Reads a page whose list stands under its own name.
pub fn page(body: &[u8], name: &str) -> Result<Page, Unreadable> {
    let body = shape::json(body)?;
    let count = shape::list(&body, name, true)?.len();
    let total = shape::count(body.get("meta").and_then(|meta| meta.get("total")));
    Ok(Page { count, total: total.and_then(|total| usize::try_from(total).ok()), body })
}

impl Page {
    /// The elements under a name; none where the page has no such list.
    pub fn list(&self, name: &str) -> &[Value] {
        shape::list(&self.body, name, false).unwrap_or_default()
    }
}

/// Whose rows they are.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The first word of its address: ids count from 1 in every account.
    pub name: &'a str,
    pub currency: Currency,
}

impl Account<'_> {
    /// The id as every table writes it.
    pub fn own(&self, external: &str) -> String {
        format!("activecampaign:{}:{external}", self.name)
    }

    fn entity(&self, kind: &'static str, external: &str, name: &str) -> Entity {
        Entity {
            kind,
            id: self.own(external),
            account_id: self.name.to_owned(),
            external_id: external.to_owned(),
            name: name.to_owned(),
            canonical_id: self.own(external),
        }
    }
}

/// A campaign: what it is, and its day where it has one.
#[derive(Clone, Debug)]
pub struct Message {
    pub campaign: Campaign,
    pub email: Entity,
    /// The day it was sent on, in the account's time.
    pub sent_on: Option<Date>,
    /// Its totals, on the day it was sent. Nothing for drafts, and nothing for messages of automations: those go out day by
    /// day, and their totals do not tell when.
    pub day: Option<Daily>,
}

/// Fields of a campaign that we know, read or not.
const CAMPAIGN: [&str; 91] = [
    "id",
    "name",
    "type",
    "status",
    "sdate",
    "ldate",
    "cdate",
    "mdate",
    "send_amt",
    "total_amt",
    "opens",
    "uniqueopens",
    "linkclicks",
    "uniquelinkclicks",
    "subscriberclicks",
    "forwards",
    "uniqueforwards",
    "hardbounces",
    "softbounces",
    "unsubscribes",
    "unsubreasons",
    "updates",
    "socialshares",
    "replies",
    "uniquereplies",
    "userid",
    "user",
    "segmentid",
    "bounceid",
    "realcid",
    "sendid",
    "threadid",
    "seriesid",
    "formid",
    "basetemplateid",
    "basemessageid",
    "addressid",
    "source",
    "public",
    "mail_transfer",
    "mail_send",
    "mail_cleanup",
    "mailer_log_file",
    "tracklinks",
    "tracklinksanalytics",
    "trackreads",
    "trackreadsanalytics",
    "analytics_campaign_name",
    "tweet",
    "facebook",
    "survey",
    "embed_images",
    "htmlunsub",
    "textunsub",
    "htmlunsubdata",
    "textunsubdata",
    "recurring",
    "willrecur",
    "split_type",
    "split_content",
    "split_offset",
    "split_offset_type",
    "split_winner_messageid",
    "split_winner_awaiting",
    "responder_offset",
    "responder_type",
    "responder_existing",
    "reminder_field",
    "reminder_format",
    "reminder_type",
    "reminder_offset",
    "reminder_offset_type",
    "reminder_offset_sign",
    "reminder_last_cron_run",
    "activerss_interval",
    "activerss_url",
    "activerss_items",
    "ip4",
    "laststep",
    "managetext",
    "schedule",
    "scheduleddate",
    "waitpreview",
    "deletestamp",
    "replysys",
    "links",
    "automation",
    "screenshot",
    "created_timestamp",
    "updated_timestamp",
    "segmentname",
];

/// Sorts of messages that go out one by one, whenever somebody's time has come.
const CONTINUOUS: [&str; 3] = ["responder", "reminder", "special"];

/// Reads a campaign; nothing for a part of an A/B test, whose totals its parent has.
pub fn message(entry: &Value, account: Account<'_>, seen: &mut Seen) -> Result<Option<Message>, Missing> {
    let lacks = |field: &str| Missing(format!("campaigns.{field}"));
    let object = entry.as_object().ok_or_else(|| lacks("id"))?;
    let external = shape::id(object.get("id")).ok_or_else(|| lacks("id"))?;
    let name = shape::text(entry, "name").map_err(|_| lacks("name"))?;
    seen.unknown(object, &CAMPAIGN, "campaigns.");
    let parent = shape::id(object.get("realcid")).filter(|id| id != "0" && *id != external);
    if parent.is_some() {
        return Ok(None);
    }
    let whole = |field: &str| shape::count(object.get(field)).ok_or_else(|| lacks(field));
    let if_any =
        |field: &str| object.get(field).filter(|value| !value.is_null()).map_or(Ok(0), |_| whole(field));
    let sort = shape::text_if_any(entry, "type").unwrap_or_default();
    let raw_status = shape::id(object.get("status")).unwrap_or_default();
    let status = status(&raw_status).unwrap_or_else(|| {
        seen.odd_word("campaigns.status", &raw_status);
        "unknown"
    });
    let sent_on = shape::text_if_any(entry, "sdate").and_then(day);
    let set = |field: &str| shape::id(object.get(field)).is_some_and(|id| id != "0");
    let automated = CONTINUOUS.contains(&sort) || set("seriesid") || set("automation");
    let sends = whole("send_amt")?;
    let (opens, clicks) = (whole("uniqueopens")?, whole("uniquelinkclicks")?);
    let bounces = if_any("hardbounces")? + if_any("softbounces")?;
    let unsubscribes = if_any("unsubscribes")?;
    let mut counts = Map::new();
    for field in ["opens", "linkclicks", "forwards", "replies"] {
        let count = if_any(field)?;
        if count > 0 {
            counts.insert(field.to_owned(), Value::from(count));
        }
    }
    let day = sent_on.filter(|_| !automated && sends > 0).map(|date| {
        let mut row = Daily::new(date, account.name, "email", account.own(&external), account.currency);
        row.channel = "email";
        (row.sends, row.opens, row.email_clicks) = (sends, opens, clicks);
        (row.email_bounces, row.unsubscribes) = (bounces, unsubscribes);
        row.extra = counts;
        row
    });
    let mut extra = Map::new();
    extra.insert("type".to_owned(), Value::from(sort));
    if automated {
        extra.insert("automated".to_owned(), Value::from(true));
    }
    let campaign = Campaign {
        id: account.own(&external),
        account_id: account.name.to_owned(),
        name: name.to_owned(),
        status,
        raw_status,
        channel: "email",
        objective: String::new(),
        bidding: String::new(),
        daily_budget: None,
        lifetime_budget: None,
        budget_id: None,
        budget_shared: false,
        currency: account.currency,
        starts_on: sent_on,
        ends_on: None,
        labels: Vec::new(),
        extra,
    };
    Ok(Some(Message { campaign, email: account.entity("email", &external, name), sent_on, day }))
}

/// 0 draft, 1 scheduled, 2 sending, 3 paused, 4 stopped, 5 completed.
fn status(raw: &str) -> Option<&'static str> {
    Some(match raw {
        "0" => "draft",
        "1" | "2" => "active",
        "3" => "paused",
        "4" | "5" => "ended",
        "" => "unknown",
        _ => return None,
    })
}

/// The day of `2026-01-20T08:00:00-06:00` as it is written: that is the account's. `0000-00-00` is none.
fn day(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok()
}

/// An automation, for everything that joins on entities.
pub fn automation(entry: &Value, account: Account<'_>) -> Result<Entity, Missing> {
    let lacks = |field: &str| Missing(format!("automations.{field}"));
    let external = shape::id(entry.get("id")).ok_or_else(|| lacks("id"))?;
    let name = shape::text(entry, "name").map_err(|_| lacks("name"))?;
    Ok(account.entity("automation", &external, name))
}

/// Fields of a contact that we know. What is not read of them stays with the platform: it is about people.
const CONTACT: [&str; 53] = [
    "id",
    "email",
    "cdate",
    "udate",
    "adate",
    "edate",
    "deleted",
    "deleted_at",
    "anonymized",
    "contactLists",
    "phone",
    "firstName",
    "lastName",
    "orgid",
    "orgname",
    "segmentio_id",
    "bounced_hard",
    "bounced_soft",
    "bounced_date",
    "ip",
    "ua",
    "hash",
    "socialdata_lastcheck",
    "email_local",
    "email_domain",
    "emailDomain",
    "sentcnt",
    "rating",
    "rating_tstamp",
    "gravatar",
    "created_utc_timestamp",
    "updated_utc_timestamp",
    "created_timestamp",
    "updated_timestamp",
    "created_by",
    "updated_by",
    "email_empty",
    "contactAutomations",
    "fieldValues",
    "geoIps",
    "deals",
    "accountContacts",
    "links",
    "organization",
    "scoreValues",
    "best_send_hour",
    "mpp_tracking",
    "last_click_date",
    "last_open_date",
    "last_mpp_open_date",
    "orgId",
    "trackingLogs",
    "contactData",
];

/// A contact. Of the person only the hash of the address is kept, and not even that once ActiveCampaign forgot them.
pub fn contact(entry: &Value, account: Account<'_>, seen: &mut Seen) -> Result<(String, Customer), Missing> {
    let lacks = |field: &str| Missing(format!("contacts.{field}"));
    let object = entry.as_object().ok_or_else(|| lacks("id"))?;
    let external = shape::id(object.get("id")).ok_or_else(|| lacks("id"))?;
    let email = shape::text(entry, "email").map_err(|_| lacks("email"))?;
    seen.unknown(object, &CONTACT, "contacts.");
    let set = |field: &str| shape::id(object.get(field)).is_some_and(|flag| flag == "1");
    let gone = set("deleted") || set("anonymized");
    let known = !gone && email.contains('@');
    let row = Customer {
        id: account.own(&external),
        kind: "contact",
        email_hash: known
            .then(|| format!("\\x{}", crate::db::people::hex(&crate::db::people::email_hash(email)))),
        country: String::new(),
        city: String::new(),
        currency: account.currency,
        extra: if gone { Map::from_iter([("gone".to_owned(), Value::from(true))]) } else { Map::new() },
    };
    Ok((external, row))
}

/// A contact's place on one list.
#[derive(Clone, Debug)]
pub struct Membership {
    contact: String,
    /// Unconfirmed and active ones may be written to.
    open: bool,
    bounced: bool,
    at: Option<Timestamp>,
}

pub fn membership(entry: &Value, seen: &mut Seen) -> Result<Membership, Missing> {
    let lacks = |field: &str| Missing(format!("contactLists.{field}"));
    let contact = shape::id(entry.get("contact")).ok_or_else(|| lacks("contact"))?;
    let status = shape::id(entry.get("status")).ok_or_else(|| lacks("status"))?;
    if !["0", "1", "2", "3"].contains(&status.as_str()) {
        seen.odd_word("contactLists.status", &status);
    }
    let at = ["udate", "sdate"].into_iter().find_map(|field| shape::text_if_any(entry, field)?.parse().ok());
    Ok(Membership { contact, open: !matches!(status.as_str(), "2" | "3"), bounced: status == "3", at })
}

/// Who may not be written to: people who left every list they were on, or whose mail came back from it.
pub fn denials(memberships: &[Membership], account: Account<'_>) -> Vec<Consent> {
    let mut people: std::collections::BTreeMap<&str, Vec<&Membership>> = std::collections::BTreeMap::new();
    for membership in memberships {
        people.entry(&membership.contact).or_default().push(membership);
    }
    let denied = |(contact, lists): (&str, Vec<&Membership>)| {
        if lists.iter().any(|list| list.open) {
            return None;
        }
        let last = lists.iter().filter(|list| list.at.is_some()).max_by_key(|list| list.at)?;
        Some(Consent {
            customer_id: account.own(contact),
            channel: "email",
            status: "denied",
            recorded_at: last.at?,
            evidence: if last.bounced {
                "bounced in ActiveCampaign"
            } else {
                "unsubscribed in ActiveCampaign"
            },
        })
    };
    people.into_iter().filter_map(denied).collect()
}

#[cfg(test)]
mod tests;
