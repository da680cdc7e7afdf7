//! The Home tab as blocks: data in, a view out.
use super::number;
use crate::db::drafts::kinds::{DraftState, Tier};
use crate::db::opportunities::{Found, Latest};
use crate::drafts::DraftSummary;
use crate::ids::DraftId;
use crate::report::figure;
use crate::slack::blocks::{Mrkdwn, Plain, kit, mrkdwn, plain};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Turns a page; the list and the direction follow.
pub const PAGE: &str = "home.page";

/// Entries of a list on one page.
const PAGED: usize = 15;

/// Everything that is shown.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Urgent first, then the oldest.
    pub waiting: Vec<DraftSummary>,
    /// The buttons of those on the page that is shown.
    pub review: HashMap<DraftId, Value>,
    pub yours: Vec<DraftSummary>,
    /// Newest decision first.
    pub decided: Vec<DraftSummary>,
    pub found: Latest,
    /// Where the organisation is.
    pub today: Date,
    /// The person may decide on drafts.
    pub decides: bool,
}

/// The page of each list, from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pages {
    waiting: usize,
    yours: usize,
    decided: usize,
}

impl Pages {
    pub fn of(kept: &Value) -> Self {
        let page = |name: &str| number(&kept[name]);
        Self { waiting: page("waiting"), yours: page("yours"), decided: page("decided") }
    }

    /// `list:page`.
    pub fn turned(mut self, value: &str) -> Self {
        let Some((list, page)) = value.split_once(':') else { return self };
        let page = page.parse().unwrap_or(0);
        match list {
            "waiting" => self.waiting = page,
            "yours" => self.yours = page,
            "decided" => self.decided = page,
            _ => {}
        }
        self
    }
}

/// A page of a list, from 0, and which one it is: one that is not there any more is the last one.
fn on_page(drafts: &[DraftSummary], page: usize) -> (usize, &[DraftSummary]) {
    let page = page.min(drafts.len().saturating_sub(1) / PAGED);
    (page, drafts.chunks(PAGED).nth(page).unwrap_or_default())
}

impl Sight {
    /// The drafts that wait and are shown.
    pub fn under_review(&self, pages: &Pages) -> &[DraftSummary] {
        on_page(&self.waiting, pages.waiting).1
    }
}

/// The tab of a member.
pub fn home(sight: &Sight, pages: &Pages) -> Value {
    let mut blocks = Vec::new();
    let nothing = if sight.decides {
        "Nothing waits for your decision."
    } else {
        "Nothing waits for you. Approvers decide on drafts."
    };
    blocks.extend(list(("waiting", "Waiting for you", nothing), &sight.waiting, pages.waiting, |draft| {
        sight.review.get(&draft.id).cloned()
    }));
    blocks.push(kit::divider());
    let nothing = "You have no open drafts. Ask me for one: “draft a pause for” and a campaign's name.";
    blocks.extend(list(("yours", "Yours", nothing), &sight.yours, pages.yours, |_| None));
    blocks.push(kit::divider());
    let title = ("decided", "Decided in the last 7 days", "No draft was decided in the last 7 days.");
    blocks.extend(list(title, &sight.decided, pages.decided, |_| None));
    blocks.push(kit::divider());
    blocks.extend(found(&sight.found, sight.today));
    blocks.push(kit::divider());
    blocks.push(kit::header(&Plain::ours("What I can do")));
    blocks.extend(kit::sections(&Mrkdwn::ours(ABILITIES)));
    json!({"type": "home", "callback_id": "home", "blocks": blocks})
}

const ABILITIES: &str = "Ask me in the Messages tab, or mention me in a channel:\n• how are we doing this week\n• which campaigns wasted money in the \
                         last 30 days\n• funnel by channel, then: and for email?\n• draft a pause for, and a campaign's name\n\
                         Commands: `/ask`, `/find_waste`, `/idea_copy`, `/build_retargeting`, `/seo_overlap`, `/report`, `/approvals`, \
                         `/adjutant help`.\nEvery figure carries its source. I change nothing by myself: people decide on each draft.";

/// The tab of somebody we do not know.
pub fn closed() -> Value {
    let text = "I do not know you yet. Type `/adjutant link` to see how that changes.";
    let mut blocks = vec![kit::header(&Plain::ours("Adjutant"))];
    blocks.extend(kit::sections(&Mrkdwn::ours(text)));
    json!({"type": "home", "callback_id": "home", "blocks": blocks})
}

type Title = (&'static str, &'static str, &'static str);

/// A page of drafts under its heading. `title`: name of the list, heading, words for none.
fn list(
    (name, heading, nothing): Title,
    drafts: &[DraftSummary],
    page: usize,
    button: impl Fn(&DraftSummary) -> Option<Value>,
) -> Vec<Value> {
    let count = drafts.len();
    let title = if count == 0 { heading.to_owned() } else { format!("{heading} ({count})") };
    let mut blocks = vec![kit::header(&plain(&title))];
    if count == 0 {
        blocks.extend(kit::context(&[Mrkdwn::ours(nothing)]));
        return blocks;
    }
    let last = (count - 1) / PAGED;
    let (page, shown) = on_page(drafts, page);
    for draft in shown {
        match button(draft) {
            Some(button) => blocks.push(kit::section_with(&entry(draft), button)),
            None => blocks.extend(kit::sections(&entry(draft)).into_iter().take(1)),
        }
    }
    if last > 0 {
        let turn = |way: &str, label: &'static str, to: usize| {
            let id = format!("{PAGE}.{name}.{way}");
            kit::button(&id, &Plain::ours(label), &format!("{name}:{to}"), kit::Look::Usual)
        };
        let before = page.checked_sub(1).and_then(|to| turn("before", "◀ Before", to));
        let after = (page < last).then(|| turn("after", "More ▶", page + 1)).flatten();
        let place = format!("Page {} of {}", page + 1, last + 1);
        blocks.extend(kit::context(&[mrkdwn(&place)]));
        blocks.extend(kit::actions(&format!("home_{name}"), before.into_iter().chain(after).collect()));
    }
    blocks
}

/// One draft in two lines.
fn entry(draft: &DraftSummary) -> Mrkdwn {
    let name = Mrkdwn::fill("*#{} {}*", &[mrkdwn(&draft.number.to_string()), mrkdwn(&draft.title)]);
    let revision = Mrkdwn::fill("revision {}", &[mrkdwn(&draft.revision.to_string())]);
    let mut facts = vec![revision, mrkdwn(tier(draft.tier)), money(draft)];
    if let Some(who) = &draft.requester {
        facts.push(Mrkdwn::fill("for {}", &[mrkdwn(who)]));
    }
    match (draft.decided_at, &draft.decided_by) {
        (Some(at), who) => {
            let word = mrkdwn(&draft.state.to_string().replace('_', " "));
            let by = who.as_ref().map(|who| Mrkdwn::fill(" by {}", &[mrkdwn(who)])).unwrap_or_default();
            let when = Mrkdwn::date(at, "{date_short_pretty} {time}");
            facts.push(Mrkdwn::fill("{}{} {}", &[word, by, when]));
        }
        (None, _) => {
            if draft.state != DraftState::Pending {
                facts.push(mrkdwn(&draft.state.to_string().replace('_', " ")));
            }
            facts.push(Mrkdwn::fill(
                "since {}",
                &[Mrkdwn::date(draft.created_at, "{date_short_pretty} {time}")],
            ));
            facts.push(Mrkdwn::fill(
                "expires {}",
                &[Mrkdwn::date(draft.expires_at, "{date_short_pretty} {time}")],
            ));
        }
    }
    Mrkdwn::join([name, Mrkdwn::join(facts, " · ")], "\n")
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Low => "low risk",
        Tier::Medium => "medium risk",
        Tier::High => "high risk",
        Tier::Critical => "critical risk",
    }
}

fn money(draft: &DraftSummary) -> Mrkdwn {
    if draft.money_moved.is_zero() {
        return Mrkdwn::default();
    }
    Mrkdwn::fill("{} a day", &[mrkdwn(&amount(draft.money_moved, &draft.currency))])
}

fn amount(value: Decimal, currency: &str) -> String {
    match currency.parse() {
        Ok(currency) => figure::money(value, currency),
        Err(_) => format!("{} {currency}", figure::grouped(value, 2)),
    }
}

/// The best of what the scout found, or honestly why there is nothing.
fn found(latest: &Latest, today: Date) -> Vec<Value> {
    let title = match latest.day {
        Some(day) if day != today => format!("Top opportunities of {}", figure::day(day)),
        _ => "Today's top opportunities".to_owned(),
    };
    let mut blocks = vec![kit::header(&plain(&title))];
    if latest.found.is_empty() {
        let words = "No opportunities are open. What the scout finds appears here; until then, ask me: `/find_waste 30`.";
        blocks.extend(kit::context(&[Mrkdwn::ours(words)]));
        return blocks;
    }
    blocks.extend(latest.found.iter().flat_map(|found| kit::sections(&opportunity(found))));
    blocks
}

fn opportunity(found: &Found) -> Mrkdwn {
    let range = format!(
        "{} over 7 days ({} to {}), {} sure",
        amount(found.value_7d, &found.currency),
        amount(found.value_low, &found.currency),
        amount(found.value_high, &found.currency),
        figure::percent(found.confidence, 0),
    );
    let name = Mrkdwn::fill("*{}*", &[mrkdwn(&found.entity_name)]);
    Mrkdwn::join([name, mrkdwn(&found.hypothesis), mrkdwn(&range)], "\n")
}
