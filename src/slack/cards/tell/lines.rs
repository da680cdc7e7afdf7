//! The line that a thread reads about each thing that happens.
use super::Story;
use crate::drafts::{DraftView, ReasonCode};
use crate::slack::blocks::{Mrkdwn, mrkdwn};
use serde_json::Value;

/// "draft 12 (Pause Prospecting cold)".
pub fn named(draft: &DraftView) -> Mrkdwn {
    let s = &draft.summary;
    Mrkdwn::fill("draft {} ({})", &[mrkdwn(&s.number.to_string()), mrkdwn(&s.title)])
}

/// An approved list of people: hashed addresses, which belong in no chat.
pub fn holds_people(draft: &DraftView) -> bool {
    draft.payload.get("method").and_then(Value::as_str) == Some("list")
}

/// What the requester is told in person.
pub fn concerns_requester(event: &str) -> bool {
    matches!(
        event,
        "draft.approved"
            | "draft.rejected"
            | "draft.changes_requested"
            | "draft.revised"
            | "draft.cancelled"
            | "draft.expired"
            | "draft.stale"
            | "draft.scheduled"
            | "execution.executed"
            | "execution.failed"
    )
}

/// `None`: the card says it all.
pub(super) fn line(story: &Story<'_>) -> Option<Mrkdwn> {
    let draft = named(story.draft);
    let by = story.by().map(|p| p.mrkdwn()).unwrap_or_else(|| Mrkdwn::ours("Somebody"));
    let revision = mrkdwn(&story.number("revision").to_string());
    let note = story.text("note").map(mrkdwn).unwrap_or_default();
    Some(match story.announced.event.as_str() {
        "draft.approved" => {
            let next = if holds_people(story.draft) {
                "It is not applied yet. The list holds personal data: download it from the console or the API."
            } else {
                "It is not applied yet; the file for the platform follows."
            };
            Mrkdwn::fill("✅ {} approved {}, revision {}. {}", &[by, draft, revision, Mrkdwn::ours(next)])
        }
        "draft.voted" => voted(story, by, draft),
        "draft.rejected" => {
            let code = story.text("reason_code").and_then(|code| code.parse::<ReasonCode>().ok());
            let code = code.filter(|code| *code != ReasonCode::Other);
            let code = code.map(|code| mrkdwn(&code.as_str().replace('_', " ")));
            let why = Mrkdwn::join(code.into_iter().chain([note]), ": ");
            Mrkdwn::join([Mrkdwn::fill("❌ {} rejected {}.", &[by, draft]), why], " ")
        }
        "draft.changes_requested" => {
            Mrkdwn::join([Mrkdwn::fill("✏️ {} asks for changes to {}.", &[by, draft]), note], " ")
        }
        "draft.revised" => {
            let voided = match story.number("voided") {
                0 => "",
                1 => "One approval of an earlier revision no longer counts.",
                _ => "The approvals of earlier revisions no longer count.",
            };
            let made = Mrkdwn::fill("✏️ {} made revision {} of {}.", &[by, revision, draft]);
            Mrkdwn::join([made, Mrkdwn::ours(voided)], " ")
        }
        "draft.held" => {
            let hours = mrkdwn(&story.number("hours").to_string());
            let until = Mrkdwn::date(story.draft.summary.expires_at, "{date_short_pretty} {time}");
            Mrkdwn::fill("⏸️ {} holds {} for {} hours; it expires {} now.", &[by, draft, hours, until])
        }
        "draft.assigned" => {
            let to =
                crate::slack::cards::view::person(story.people, story.member("to"), story.text("to_name"));
            let to = to.map(|p| p.mrkdwn()).unwrap_or_default();
            Mrkdwn::fill("👉 {} handed {} to {}.", &[by, draft, to])
        }
        "draft.expired" => Mrkdwn::fill("⌛ {} expired: nobody decided in time.", &[capital(story)]),
        "draft.stale" => Mrkdwn::join([Mrkdwn::fill("⚠️ {} is out of date.", &[capital(story)]), note], " "),
        "draft.cancelled" => Mrkdwn::join([Mrkdwn::fill("🚫 {} cancelled {}.", &[by, draft]), note], " "),
        "draft.scheduled" => {
            let at = story.draft.summary.execute_at;
            let at = at.map(|at| Mrkdwn::date(at, "{date_short_pretty} {time}")).unwrap_or_default();
            Mrkdwn::fill("🗓️ {} scheduled {} for {}.", &[by, draft, at])
        }
        "draft.unscheduled" => Mrkdwn::fill("🗓️ {} took {} off the schedule.", &[by, draft]),
        "execution.executed" => {
            let evidence = story.text("evidence").map(mrkdwn).unwrap_or_default();
            Mrkdwn::join([Mrkdwn::fill("☑️ {} applied {}.", &[by, draft]), evidence], " ")
        }
        "guardrail.overridden" => {
            let done = Mrkdwn::fill("🔓 {} took responsibility for a guardrail of {}.", &[by, draft]);
            Mrkdwn::join([done, note], " ")
        }
        _ => return None,
    })
}

fn capital(story: &Story<'_>) -> Mrkdwn {
    let s = &story.draft.summary;
    Mrkdwn::fill("Draft {} ({})", &[mrkdwn(&s.number.to_string()), mrkdwn(&s.title)])
}

fn voted(story: &Story<'_>, by: Mrkdwn, draft: Mrkdwn) -> Mrkdwn {
    if story.announced.story.get("counts") == Some(&Value::Bool(false)) {
        return Mrkdwn::fill(
            "🗳️ {} approved {}; the vote counts once it is confirmed in a session of their own.",
            &[by, draft],
        );
    }
    let count = |key: &str| mrkdwn(&story.number(key).to_string());
    Mrkdwn::fill("🗳️ {} approved {}: {} of {}.", &[by, draft, count("have"), count("need")])
}
