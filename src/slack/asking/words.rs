//! What people type, as the chat room takes it: Slack's markup undone, commands recognised wherever they are written.
use crate::chat::offline::playbook::Playbooks;

/// The slash commands of the manifest that begin with a question to the planner.
const PLANNED: [&str; 4] = ["find_waste", "idea_copy", "build_retargeting", "seo_overlap"];

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To be put to the chat room as it is.
    Ask(String),
    Help,
    /// Ends what is being answered in this thread.
    Stop,
    /// A command of another room: `/approvals`, `/adjutant settings`.
    Other {
        command: String,
        text: String,
    },
    /// A report that there is not, or none was named.
    NoReport {
        asked: String,
    },
    /// Nothing was said.
    Nothing,
}

/// The kinds of reports that playbooks offer: a playbook with the alias `report_weekly` is the weekly report.
pub struct Reports(Vec<String>);

impl Reports {
    pub fn of(books: &Playbooks) -> Self {
        let aliases = books.iter().flat_map(|book| &book.aliases);
        Self(aliases.filter_map(|alias| alias.strip_prefix("report_")).map(str::to_owned).collect())
    }

    /// In the order of their files.
    pub fn kinds(&self) -> &[String] {
        &self.0
    }
}

/// A message in a direct conversation, after a mention, or in a thread. `us`: our own user, whose name falls away.
pub fn said(text: &str, us: &str, reports: &Reports) -> Wish {
    let text = undone(text, us);
    let (first, rest) = split(&text);
    let word = first.trim_end_matches([':', ',']).to_lowercase();
    let (word, rest) = match word.trim_start_matches('/') {
        "adjutant" | "@adjutant" => {
            let (second, rest) = split(rest);
            (second.to_lowercase(), rest)
        }
        _ => (word, rest),
    };
    let slash = word.starts_with('/');
    match (word.trim_start_matches('/'), rest) {
        ("", _) => Wish::Nothing,
        ("stop" | "cancel", "") => Wish::Stop,
        ("help", "") => Wish::Help,
        ("settings", "") => Wish::Other { command: "/adjutant".to_owned(), text: "settings".to_owned() },
        ("approvals", _) => Wish::Other { command: "/approvals".to_owned(), text: rest.to_owned() },
        ("ask", rest) if !rest.is_empty() => Wish::Ask(rest.to_owned()),
        ("report", rest) => {
            let (kind, window) = split(rest);
            // "report on the spring campaign" is a question.
            if slash || kind.is_empty() || reports.0.contains(&kind.to_lowercase()) {
                report(kind, window, reports)
            } else {
                Wish::Ask(text)
            }
        }
        (name, rest) if PLANNED.contains(&name) => Wish::Ask(format!("/{name} {rest}").trim_end().to_owned()),
        _ => Wish::Ask(text),
    }
}

/// A slash command: its name with the slash, and what stands behind it.
pub fn commanded(command: &str, text: &str, us: &str, reports: &Reports) -> Wish {
    let text = undone(text, us);
    let name = command.trim_start_matches('/');
    match name {
        "adjutant" => match text.to_lowercase().as_str() {
            "" | "help" => Wish::Help,
            _ => Wish::Other { command: command.to_owned(), text },
        },
        "ask" if text.is_empty() => Wish::Nothing,
        "ask" => Wish::Ask(text),
        "report" => {
            let (kind, window) = split(&text);
            report(kind, window, reports)
        }
        "approvals" => Wish::Other { command: command.to_owned(), text },
        _ => Wish::Ask(format!("/{name} {text}").trim_end().to_owned()),
    }
}

fn report(kind: &str, window: &str, reports: &Reports) -> Wish {
    let kind = kind.to_lowercase();
    if reports.0.contains(&kind) {
        Wish::Ask(format!("/report_{kind} {window}").trim_end().to_owned())
    } else {
        Wish::NoReport { asked: crate::text::clean(&kind, 40) }
    }
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).map_or((text, ""), |(first, rest)| (first, rest.trim()))
}

/// Text without Slack's markup: names instead of ids, labels instead of links, no entities. Our own name is left out.
pub fn undone(text: &str, us: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let (before, from) = rest.split_at(open);
        out.push_str(before);
        let Some(close) = from.find('>') else {
            out.push_str(from);
            rest = "";
            break;
        };
        out.push_str(&token(&from[1..close], us));
        rest = &from[close + 1..];
    }
    out.push_str(rest);
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").trim().to_owned()
}

/// What stands between angle brackets: a mention, a channel, a link, a date.
fn token(inner: &str, us: &str) -> String {
    let (target, label) = inner.split_once('|').map_or((inner, ""), |(target, label)| (target, label));
    let label = label.trim();
    let mut chars = target.chars();
    match chars.next() {
        Some('@') if !us.is_empty() && chars.as_str() == us => String::new(),
        Some(sign @ ('@' | '#')) if label.is_empty() => format!("{sign}{}", chars.as_str()),
        Some(sign @ ('@' | '#')) => format!("{sign}{}", label.trim_start_matches(sign)),
        Some('!') if label.is_empty() => format!("@{}", chars.as_str().split('^').next().unwrap_or_default()),
        _ if label.is_empty() => target.trim_start_matches("mailto:").to_owned(),
        _ => label.to_owned(),
    }
}

/// Begins by naming somebody else: what follows is for them.
pub fn names_another(text: &str, us: &str) -> bool {
    let named = text.trim_start().strip_prefix("<@").and_then(|rest| rest.split(['>', '|']).next());
    named.is_some_and(|user| user != us)
}

#[cfg(test)]
mod tests;
