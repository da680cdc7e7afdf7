//! Commands as text: `/find_waste 30`, `find_waste 30`, `@adjutant find_waste 30`. Arguments are typed and bounded;
//! what is out of bounds is clamped and said, what is unknown is answered with what is allowed.
use super::entities::Known;
use super::playbook::{Arg, ArgType, Playbook, Playbooks};
use super::understand::Reading;
use super::vocabulary::Vocabulary;
use serde_json::{Map, Value, json};

/// A message that starts with a command.
#[derive(Debug)]
pub struct Called<'a> {
    pub book: &'a Playbook,
    /// What stands behind the command word.
    pub rest: String,
    /// Written so that nothing else can be meant: `/name`, or a name with an underscore.
    pub certain: bool,
}

/// The command that a message calls, if it calls one.
pub fn called<'a>(books: &'a Playbooks, message: &str) -> Option<Called<'a>> {
    let mut text = message.trim();
    let mut mentioned = false;
    if let Some(rest) = text.strip_prefix('@').or_else(|| text.strip_prefix("<@")) {
        // "@adjutant find_waste 30", "<@U123> find_waste 30".
        text = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest).trim_start();
        mentioned = true;
    }
    let slash = text.starts_with('/');
    let text = text.strip_prefix('/').unwrap_or(text);
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let word = word.trim_end_matches([':', '.', '!', '?']).to_lowercase();
    let book = books.command(&word)?;
    let certain = slash || word.contains('_');
    let rest = rest.trim().to_owned();
    // A bare word is also how questions begin: it calls only what is named so, and never with free text behind it.
    let free_text = book.args.iter().any(|a| a.kind == ArgType::Text);
    let bare = book.command.as_deref() == Some(word.as_str())
        && (rest.is_empty() || (!book.args.is_empty() && !free_text));
    (certain || mentioned || bare).then_some(Called { book, rest, certain })
}

/// The path of a page (`/pricing`) is no command; anything else with a slash is meant as one.
pub fn unknown_slash<'a>(books: &'a Playbooks, known: &Known, message: &str) -> Option<Vec<&'a str>> {
    let text = message.trim();
    let word = text.strip_prefix('/')?.split_whitespace().next()?;
    let path_like =
        word.contains('/') || word.is_empty() || !word.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_page = || {
        let path = format!("/{}", word.to_lowercase());
        known.of_kind("page").any(|page| page.id.to_lowercase() == path || page.name.to_lowercase() == path)
    };
    if path_like || books.command(&word.to_lowercase()).is_some() || is_page() {
        return None;
    }
    Some(books.iter().filter_map(|b| b.command.as_deref()).collect())
}

/// Arguments as understood, with what was clamped; or what is wrong with them.
#[derive(Debug, Default)]
pub struct Arguments {
    pub values: Map<String, Value>,
    pub notes: Vec<String>,
}

/// Reads the arguments from the text behind the command word.
pub fn arguments(book: &Playbook, reading: &Reading, vocabulary: &Vocabulary) -> Result<Arguments, String> {
    let mut out = Arguments::default();
    let mut used = vec![false; reading.words.len()];
    for arg in &book.args {
        let found = value(arg, reading, vocabulary, &mut used, &mut out.notes);
        match found.or_else(|| arg.default.clone()) {
            Some(value) => {
                out.values.insert(arg.name.clone(), value);
            }
            None if arg.required => {
                return Err(format!(
                    "/{} needs {}. {}",
                    name(book),
                    described(arg, vocabulary),
                    usage(book, vocabulary)
                ));
            }
            None => {}
        }
    }
    let unknown: Vec<&str> = reading
        .words
        .iter()
        .enumerate()
        .filter(|(i, w)| {
            !used[*i] && !vocabulary.stop.contains(&w.text) && !vocabulary.drop.contains(&w.text)
        })
        .map(|(_, w)| w.text.as_str())
        .filter(|w| {
            !book.args.iter().any(|a| a.name == *w) && !matches!(*w, "day" | "days" | "last" | "past")
        })
        .collect();
    if let Some(first) = unknown.first() {
        return Err(format!("I do not know “{first}” here. {}", usage(book, vocabulary)));
    }
    Ok(out)
}

fn name(book: &Playbook) -> &str {
    book.command.as_deref().unwrap_or(&book.name)
}

/// What a command takes, in one sentence.
pub fn usage(book: &Playbook, vocabulary: &Vocabulary) -> String {
    if book.args.is_empty() {
        return format!("/{} takes no arguments.", name(book));
    }
    let args: Vec<String> = book.args.iter().map(|a| described(a, vocabulary)).collect();
    format!("/{} takes {}.", name(book), args.join("; "))
}

fn described(arg: &Arg, vocabulary: &Vocabulary) -> String {
    let bounds = match (arg.min, arg.max) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        _ => String::new(),
    };
    match arg.kind {
        ArgType::Days => format!("{}: a number of days{bounds}", arg.name),
        ArgType::Window => format!("{}: a period such as “last month”", arg.name),
        ArgType::Channel => format!("{}: one of {}", arg.name, vocabulary.channel_ids.join(", ")),
        ArgType::Campaign => format!("{}: a campaign's name", arg.name),
        ArgType::Page => format!("{}: a page such as /pricing", arg.name),
        ArgType::Segment | ArgType::Enum if !arg.values.is_empty() => {
            format!("{}: one of {}", arg.name, arg.values.join(", "))
        }
        ArgType::Segment => format!("{}: a segment", arg.name),
        ArgType::Metric => format!("{}: a metric such as roas", arg.name),
        ArgType::Enum => arg.name.clone(),
        ArgType::Text => format!("{}: text", arg.name),
    }
}

fn take(used: &mut [bool], at: usize, len: usize) {
    for slot in used.iter_mut().skip(at).take(len) {
        *slot = true;
    }
}

fn value(
    arg: &Arg,
    reading: &Reading,
    vocabulary: &Vocabulary,
    used: &mut [bool],
    notes: &mut Vec<String>,
) -> Option<Value> {
    match arg.kind {
        ArgType::Days => days(arg, reading, used, notes),
        ArgType::Window => {
            let hit = reading.window()?;
            take(used, hit.at, hit.len);
            Some(json!({"start": hit.window.start.to_string(), "end": hit.window.end.to_string()}))
        }
        ArgType::Channel => {
            if let Some(hit) = reading.channels.first() {
                take(used, hit.at, hit.len);
                return Some(json!(hit.value));
            }
            let at = reading.words.iter().position(|w| w.text == "all");
            if let Some(at) = at {
                take(used, at, 1);
                return Some(json!("all"));
            }
            let hit = reading.vendors.first().filter(|v| v.value.channel != "all")?;
            take(used, hit.at, hit.len);
            Some(json!(hit.value.channel))
        }
        ArgType::Campaign | ArgType::Page => {
            let kind = if arg.kind == ArgType::Page { "page" } else { "campaign" };
            if let Some(hit) = reading.entities.iter().find(|h| h.options.iter().any(|o| o.kind == kind)) {
                take(used, hit.at, hit.len);
                return hit.options.iter().find(|o| o.kind == kind).map(|o| json!(o.id));
            }
            let at =
                reading.words.iter().position(|w| arg.kind == ArgType::Page && w.text.starts_with('/'))?;
            take(used, at, 1);
            Some(json!(reading.words[at].text))
        }
        ArgType::Segment => {
            let literal =
                reading.words.iter().position(|w| arg.values.iter().any(|v| v.eq_ignore_ascii_case(&w.text)));
            if let Some(at) = literal {
                take(used, at, 1);
                let word = &reading.words[at].text;
                return arg.values.iter().find(|v| v.eq_ignore_ascii_case(word)).map(|v| json!(v));
            }
            let hit = reading.segments.first()?;
            take(used, hit.at, hit.len);
            Some(json!(hit.value))
        }
        ArgType::Metric => {
            let hit = reading.metrics.first()?;
            take(used, hit.at, hit.len);
            Some(json!(hit.value))
        }
        ArgType::Enum => {
            let at = reading.words.iter().position(|w| arg.values.contains(&w.text))?;
            take(used, at, 1);
            Some(json!(reading.words[at].text))
        }
        ArgType::Text => {
            let at = used.iter().position(|u| !u)?;
            let len = used.iter().skip(at).take_while(|u| !**u).count();
            let typed = reading.quoted.first().cloned().unwrap_or_else(|| reading.typed(at, len));
            take(used, 0, used.len());
            let typed = crate::text::clean(&typed, 80);
            let typed = ["for ", "on ", "about "]
                .iter()
                .find_map(|lead| typed.strip_prefix(lead))
                .unwrap_or(&typed)
                .to_owned();
            let _ = vocabulary;
            (!typed.is_empty()).then(|| json!(typed))
        }
    }
}

fn days(arg: &Arg, reading: &Reading, used: &mut [bool], notes: &mut Vec<String>) -> Option<Value> {
    let (asked, at, len) = if let Some(hit) = reading.window() {
        (i64::from(hit.window.days()), hit.at, hit.len)
    } else {
        let q = reading.quantities.first()?;
        (i64::try_from(q.value.trunc().mantissa()).ok()?, q.at, q.len)
    };
    take(used, at, len);
    let low = arg.min.unwrap_or(1);
    let high = arg.max.unwrap_or(400);
    let bounded = asked.clamp(low, high);
    if bounded != asked {
        notes.push(format!("{} is limited to {low} to {high} days; I used {bounded}.", arg.name));
    }
    Some(json!(bounded))
}
