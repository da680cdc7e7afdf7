//! Digest, alert and weekly summary as messages. Pure.
use super::kit::{self, Look};
use super::{Message, Mrkdwn, Plain, mrkdwn, plain};
use crate::report::notice::{Alert, Digest, Finding, Notice, Weekly};
use serde_json::Value;

/// Findings of a digest.
const TOP: usize = 3;
/// Lines of an alert or a summary.
const MOST: usize = 10;

pub fn notice(notice: &Notice) -> Message {
    match notice {
        Notice::Digest(digest) => self::digest(digest),
        Notice::Alert(alert) => self::alert(alert),
        Notice::Weekly(weekly) => self::weekly(weekly),
    }
}

fn digest(digest: &Digest) -> Message {
    let day = digest.day.to_string();
    let title = Plain::fill("☀️ What I found, {}", &[plain(&day)]);
    let mut blocks = vec![kit::header(&title)];
    if digest.found == 0 {
        blocks.extend(kit::sections(&Mrkdwn::ours(
            "✅ All clear: every check ran, and nothing needs you today.",
        )));
    } else {
        let count = digest.found.to_string();
        let found = Mrkdwn::fill("*{}* found", &[mrkdwn(&count)]);
        let impact = digest.impact.as_deref().map(|i| Mrkdwn::fill("estimated impact *{}*", &[mrkdwn(i)]));
        blocks.extend(kit::sections(&Mrkdwn::join([found].into_iter().chain(impact), " · ")));
    }
    for finding in digest.top.iter().take(TOP) {
        blocks.extend(self::finding(finding));
    }
    let health = if digest.health.is_empty() {
        Mrkdwn::ours("Data: complete and fresh")
    } else {
        let lines = digest.health.iter().take(MOST).map(|line| mrkdwn(line));
        Mrkdwn::fill("⚠️ Data: {}", &[Mrkdwn::join(lines, " · ")])
    };
    blocks.extend(kit::context(&[health]));
    Message::new(&title, blocks)
}

fn finding(finding: &Finding) -> Vec<Value> {
    let text = Mrkdwn::fill("*{}*\n{}", &[mrkdwn(&finding.title), mrkdwn(&finding.value)]);
    match question(finding.question.as_deref()) {
        Some(button) => vec![kit::section_with(&text, button)],
        None => kit::sections(&text),
    }
}

/// Asks the question that is its value, in the notice's thread; `asking` handles it.
pub const LOOK_INTO: &str = "ask.follow.notice";

fn question(question: Option<&str>) -> Option<Value> {
    kit::button(LOOK_INTO, &Plain::ours("Look into it"), question?, Look::Usual)
}

fn alert(alert: &Alert) -> Message {
    let resolved = alert.resolved_at.is_some();
    let mark = Plain::ours(if resolved { "✅ Resolved:" } else { "🚨" });
    let title = Plain::fill("{} {}", &[mark, plain(&alert.title)]);
    let mut blocks = vec![kit::header(&title)];
    let lines = Mrkdwn::join(alert.lines.iter().take(MOST).map(|line| mrkdwn(line)), "\n");
    blocks.extend(kit::sections(&lines));
    let when = "{date_short_pretty} {time}";
    let since = Mrkdwn::fill("since {}", &[Mrkdwn::date(alert.opened_at, when)]);
    let until = alert.resolved_at.map(|at| Mrkdwn::fill("over since {}", &[Mrkdwn::date(at, when)]));
    blocks.extend(kit::context(&[Mrkdwn::join([since].into_iter().chain(until), " · ")]));
    if !resolved {
        let button = question(alert.question.as_deref());
        blocks.extend(kit::actions("notice", button.into_iter().collect()));
    }
    Message::new(&title, blocks)
}

fn weekly(weekly: &Weekly) -> Message {
    let week = weekly.week.to_string();
    let title = Plain::fill("📅 The week of {}", &[plain(&week)]);
    let mut blocks = vec![kit::header(&title)];
    let figures: Vec<Mrkdwn> = weekly
        .figures
        .iter()
        .take(MOST)
        .map(|(name, value, change)| {
            Mrkdwn::fill("*{}*\n{} ({})", &[mrkdwn(name), mrkdwn(value), mrkdwn(change)])
        })
        .collect();
    blocks.extend(kit::fields(&figures));
    let lines = Mrkdwn::join(weekly.lines.iter().take(MOST).map(|line| mrkdwn(line)), "\n");
    blocks.extend(kit::sections(&lines));
    Message::new(&title, blocks)
}

#[cfg(test)]
mod tests;
