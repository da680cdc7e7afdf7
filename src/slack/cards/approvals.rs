//! `/approvals`: what waits for one person, each with a button that brings its card.
use super::grammar::without_mention;
use super::open::{self, Desk};
use super::reply::{self, Place, whisper};
use super::token::{self, Act};
use super::view::platform;
use crate::access::{Actor, Surface};
use crate::db::outbox::{self, OutKind, Outgoing};
use crate::db::{OrgTx, cards};
use crate::drafts::{self, DraftState, DraftSummary, ListRequest};
use crate::ids::{OrgId, OutboxId};
use crate::money::Currency;
use crate::report::figure;
use crate::slack::Slack;
use crate::slack::blocks::views;
use crate::slack::blocks::{Message, Mrkdwn, Plain, kit, mrkdwn, plain};
use crate::slack::wire::{ChannelKind, Origin};
use serde_json::{Value, json};

/// Most drafts of one list.
const MOST: usize = 10;

/// The command as text: "approvals", the whole message, to us.
pub fn is_asked(origin: &Origin, text: &str, mentioned: bool) -> bool {
    let words = without_mention(text.trim());
    let words = words.strip_prefix('/').unwrap_or(words).trim_end_matches(['.', '?', '!']);
    (mentioned || origin.channel_kind == ChannelKind::Dm) && words.trim().eq_ignore_ascii_case("approvals")
}

/// `/approvals [mine] [type]`.
pub async fn command(slack: &Slack, org: OrgId, origin: &Origin, words: &str) -> anyhow::Result<()> {
    let place = Place::of(origin);
    if let Some(actor) = open::member(slack, org, origin, &place).await? {
        let mut words: Vec<&str> = words.split_whitespace().collect();
        let mine = words.iter().position(|word| *word == "mine").map(|at| words.remove(at)).is_some();
        let message = list(slack, &actor, mine, words.first().copied()).await?;
        whisper(slack, &place, &message).await;
    }
    Ok(())
}

/// What waits for this member, with a Review button each.
pub async fn waiting(slack: &Slack, actor: &Actor) -> anyhow::Result<Message> {
    list(slack, actor, false, None).await
}

async fn list(slack: &Slack, actor: &Actor, mine: bool, kind: Option<&str>) -> anyhow::Result<Message> {
    let app = &slack.inner.app;
    let found = if mine {
        let request = ListRequest {
            state: DraftState::ALL.iter().copied().filter(|state| state.is_open()).collect(),
            mine: true,
            ..ListRequest::default()
        };
        drafts::list(&app.db, actor, &request).await.map(|page| page.drafts)
    } else {
        drafts::waiting_for(&app.db, actor).await
    };
    let mut drafts = match found {
        Ok(drafts) => drafts,
        Err(drafts::DraftError::Db(error)) => return Err(error.into()),
        Err(error) => return Ok(reply::refusal(&error)),
    };
    drafts.retain(|draft| kind.is_none_or(|kind| draft.kind == kind));
    let (none, one, many) = if mine {
        ("None of your drafts is open.", "{} of your drafts is open.", "{} of your drafts are open.")
    } else {
        (
            "Nothing waits for your review.",
            "{} draft waits for your review.",
            "{} drafts wait for your review.",
        )
    };
    if drafts.is_empty() {
        return Ok(reply::ours(none));
    }
    let count = drafts.len().to_string();
    let headline = if drafts.len() == 1 { one } else { many };
    let mut blocks = kit::sections(&Mrkdwn::fill(headline, &[mrkdwn(&count)]).bold());
    let mut tx = app.db.org(actor.org).await?;
    for draft in drafts.iter().take(MOST) {
        blocks.push(row(slack, &mut tx, actor.org, draft).await?);
    }
    tx.commit().await?;
    if drafts.len() > MOST {
        let more = (drafts.len() - MOST).to_string();
        blocks.extend(kit::context(&[Mrkdwn::fill("… and {} more.", &[mrkdwn(&more)])]));
    }
    Ok(Message::new(&Plain::fill(headline, &[plain(&count)]), blocks))
}

/// One draft in a line, with its Review button.
pub async fn row(slack: &Slack, tx: &mut OrgTx, org: OrgId, draft: &DraftSummary) -> anyhow::Result<Value> {
    let money = match draft.currency.parse::<Currency>() {
        Ok(currency) => figure::money(draft.money_moved, currency),
        Err(_) => draft.money_moved.to_string(),
    };
    let parts = [
        mrkdwn(&draft.number.to_string()),
        mrkdwn(&draft.title),
        mrkdwn(&platform(&draft.platform)),
        mrkdwn(&money),
        mrkdwn(draft.tier.as_str()),
        Mrkdwn::date(draft.expires_at, "{date_short_pretty} {time}"),
    ];
    let text = Mrkdwn::fill("*{} · {}*\n{} · {} a day · {} risk · expires {}", &parts);
    let button = review_button(slack, tx, org, draft).await?;
    Ok(kit::section_with(&text, button))
}

/// The button that brings a draft's card to whoever clicks it. It decides nothing.
pub async fn review_button(
    slack: &Slack,
    tx: &mut OrgTx,
    org: OrgId,
    draft: &DraftSummary,
) -> anyhow::Result<Value> {
    let bound = token::Bound {
        draft: draft.id,
        revision: draft.revision,
        act: Act::Review,
        channel: "",
        member: None,
        until: draft.expires_at,
    };
    let random = token::random(&mut rand::rng());
    let text = token::mint(tx, org, random, &bound, slack.inner.app.clock.now()).await?;
    let button = kit::button("card.review", &Plain::ours("Review"), &text, kit::Look::Usual);
    Ok(button.unwrap_or_default())
}

/// Puts the card into the clicker's own conversation with us. One that stood there before says where it went.
pub async fn open_card(desk: &Desk<'_>) -> anyhow::Result<()> {
    let (slack, app) = (desk.slack, &desk.slack.inner.app);
    let draft = match drafts::get(&app.db, &desk.actor, desk.draft()).await {
        Ok(draft) => draft,
        Err(error) => {
            whisper(slack, &desk.place, &reply::refusal(&error)).await;
            return Ok(());
        }
    };
    let Ok(channel) = slack.open_conversation(desk.org, &desk.origin.user).await? else {
        whisper(slack, &desk.place, &reply::ours("Slack could not open our conversation. Please try again."))
            .await;
        return Ok(());
    };
    let channel = channel.as_str();
    let now = app.clock.now();
    let mut tx = app.db.org(desk.org).await?;
    let before = cards::one(&mut tx, desk.org, desk.draft(), channel).await?;
    if let Some(card) = before.filter(|card| !card.message_ref.is_empty() && card.thread_ref.is_empty()) {
        let number = draft.summary.number.to_string();
        let moved = reply::line(
            Mrkdwn::fill("Draft {}: see the newer card below.", &[mrkdwn(&number)]),
            &Plain::fill("Draft {}: see the newer card below.", &[plain(&number)]),
        );
        let args = moved.update(channel, &card.message_ref);
        send(
            &mut tx,
            desk,
            channel,
            OutKind::Update,
            json!({"method": "chat.update", "args": args}),
            "moved",
        )
        .await?;
        cards::forget(&mut tx, desk.org, desk.draft(), channel).await?;
    }
    cards::plan(&mut tx, desk.org, desk.draft(), channel, "", now).await?;
    let payload = json!({"show": "card", "draft_id": desk.draft(), "again": true});
    send(&mut tx, desk, channel, OutKind::Card, payload, "review").await?;
    tx.commit().await?;
    slack.inner.outbox_wake.notify_one();
    match (desk.origin.channel.as_deref(), &desk.origin.trigger_id) {
        (Some(here), _) if here == channel => {}
        (Some(_), _) => {
            whisper(slack, &desk.place, &reply::ours("The card is in our direct messages now.")).await;
        }
        // The Home tab has no place for a message.
        (None, Some(trigger)) => {
            let view = views::pointer(draft.summary.number, &draft.summary.title);
            let args = json!({"trigger_id": trigger, "view": view});
            if let Err(error) = slack.inner.api.call("views.open", &args).await {
                tracing::info!(%error, "where a card is could not be said; it is there all the same");
            }
        }
        (None, None) => {}
    }
    Ok(())
}

async fn send(
    tx: &mut OrgTx,
    desk: &Desk<'_>,
    channel: &str,
    kind: OutKind,
    payload: Value,
    what: &str,
) -> anyhow::Result<()> {
    let clock = &desk.slack.inner.app.clock;
    let out = Outgoing {
        surface: Surface::Slack,
        channel_ref: channel.to_owned(),
        kind,
        payload,
        dedupe_key: format!("card:{}:{channel}:{what}:{}", desk.draft(), desk.key),
        not_before: None,
    };
    outbox::enqueue(tx, desk.org, OutboxId::new(&**clock), &out, clock.now()).await?;
    Ok(())
}
