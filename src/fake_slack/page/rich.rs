//! Slack's mrkdwn, Markdown and rich text as HTML. Everything is escaped; only `http`, `https` and `mailto` become links.
use crate::fake_slack::workspace::Workspace;
use maud::{Markup, PreEscaped, Render, html};
use serde_json::Value;

/// Emoji names that the app uses; others are shown by name.
const EMOJI: [(&str, &str); 14] = [
    ("white_check_mark", "✅"),
    ("x", "❌"),
    ("warning", "⚠️"),
    ("hourglass_flowing_sand", "⏳"),
    ("thumbsup", "👍"),
    ("thumbsdown", "👎"),
    ("+1", "👍"),
    ("-1", "👎"),
    ("bar_chart", "📊"),
    ("pencil2", "✏️"),
    ("lock", "🔒"),
    ("bell", "🔔"),
    ("mag", "🔍"),
    ("eyes", "👀"),
];

fn escape(text: &str, out: &mut String) {
    text.render_to(out);
}

/// Emoji names replaced; nothing else happens to plain text.
pub fn plain(text: &str) -> String {
    let mut out = text.to_owned();
    for (name, sign) in EMOJI {
        out = out.replace(&format!(":{name}:"), sign);
    }
    out
}

/// The clock time of a message, in UTC.
pub fn time_of(ts: &str) -> String {
    let seconds = ts.split('.').next().and_then(|s| s.parse().ok()).unwrap_or_default();
    jiff::Timestamp::from_second(seconds).map(|t| t.strftime("%H:%M").to_string()).unwrap_or_default()
}

pub fn mrkdwn(ws: &Workspace, text: &str) -> Markup {
    let text = plain(text);
    let mut out = String::new();
    for (n, part) in text.split("```").enumerate() {
        if n % 2 == 1 {
            out.push_str("<pre>");
            escape(&unescaped(part), &mut out);
            out.push_str("</pre>");
            continue;
        }
        for (n, line) in part.lines().enumerate() {
            if n > 0 {
                out.push_str("<br>");
            }
            let quoted = line.strip_prefix("&gt;").or_else(|| line.strip_prefix('>'));
            match quoted {
                Some(rest) => {
                    out.push_str("<q>");
                    mrkdwn_line(ws, rest.trim_start(), &mut out);
                    out.push_str("</q>");
                }
                None => mrkdwn_line(ws, line, &mut out),
            }
        }
    }
    PreEscaped(out)
}

/// The entities in which an app writes `&`, `<` and `>`.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn mrkdwn_line(ws: &Workspace, line: &str, out: &mut String) {
    let mut rest = line;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        if first == '<'
            && let Some((inner, tail)) = rest[1..].split_once('>')
        {
            out.push_str(&reference(ws, inner).into_string());
            (rest, before) = (tail, '>');
            continue;
        }
        if let Some((tag, inner, tail)) = styled(first, before, rest) {
            out.push_str(&format!("<{tag}>"));
            if tag == "code" {
                escape(&unescaped(inner), out)
            } else {
                mrkdwn_line(ws, inner, out)
            }
            out.push_str(&format!("</{tag}>"));
            (rest, before) = (tail, first);
            continue;
        }
        let end = rest[first.len_utf8()..].find(['<', '*', '_', '~', '`']).map(|n| n + first.len_utf8());
        let (piece, tail) = rest.split_at(end.unwrap_or(rest.len()));
        escape(&unescaped(piece), out);
        (rest, before) = (tail, piece.chars().last().unwrap_or(' '));
    }
}

/// `*bold*`, `_italic_`, `~struck~`, `` `code` ``: tag, what is inside, what follows.
fn styled(first: char, before: char, rest: &str) -> Option<(&'static str, &str, &str)> {
    let tag = match first {
        '*' => "strong",
        '_' => "em",
        '~' => "s",
        '`' => "code",
        _ => return None,
    };
    let (inner, tail) = rest[1..].split_once(first)?;
    let tight = !inner.is_empty() && !inner.starts_with(' ') && !inner.ends_with(' ');
    let apart = !before.is_alphanumeric() && !tail.starts_with(char::is_alphanumeric);
    (tight && apart).then_some((tag, inner, tail))
}

/// What stands between `<` and `>`: a mention, a date, a link.
fn reference(ws: &Workspace, inner: &str) -> Markup {
    let (target, label) = inner.split_once('|').unwrap_or((inner, ""));
    if let Some(user) = target.strip_prefix('@') {
        let name = ws.people.get(user).map_or(user, |p| p.name.as_str());
        return html! { span.mention { "@" (name) } };
    }
    if let Some(channel) = target.strip_prefix('#') {
        let name = ws.channels.get(channel).map_or(channel, |c| c.name.as_str());
        return html! { span.mention { "#" (name) } };
    }
    if let Some(special) = target.strip_prefix('!') {
        return match special.strip_prefix("date^") {
            Some(date) => html! { time { (date_words(date, label)) } },
            None => html! { span.mention.loud { "@" (special) } },
        };
    }
    link(target, if label.is_empty() { target } else { label })
}

fn link(target: &str, label: &str) -> Markup {
    let safe = ["https://", "http://", "mailto:"].iter().any(|s| target.starts_with(s));
    let label = unescaped(label);
    html! {
        @if safe { a href=(unescaped(target)) target="_blank" rel="noopener noreferrer" { (label) } }
        @else { (label) }
    }
}

/// `<!date^unix^{date} at {time}|fallback>`, in UTC.
fn date_words(date: &str, fallback: &str) -> String {
    let mut parts = date.split('^');
    let second = parts.next().and_then(|s| s.parse().ok());
    let (Some(at), Some(form)) = (second.and_then(|s| jiff::Timestamp::from_second(s).ok()), parts.next())
    else {
        return fallback.to_owned();
    };
    let mut out = form.to_owned();
    for (name, pattern) in [
        ("{date_short_pretty}", "%b %-d"),
        ("{date_long_pretty}", "%A, %B %-d"),
        ("{date_pretty}", "%B %-d"),
        ("{date_short}", "%b %-d, %Y"),
        ("{date_long}", "%A, %B %-d, %Y"),
        ("{date_num}", "%Y-%m-%d"),
        ("{date}", "%B %-d, %Y"),
        ("{time_secs}", "%H:%M:%S UTC"),
        ("{time}", "%H:%M UTC"),
        ("{ago}", "%b %-d, %H:%M UTC"),
    ] {
        out = out.replace(name, &at.strftime(pattern).to_string());
    }
    out
}

/// Markdown as Slack shows it in answers: headings, lists, tables, quotes, code, emphasis, links.
pub fn markdown(text: &str) -> Markup {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") {
            out.push_str("<pre>");
            for code in lines.by_ref().take_while(|l| !l.trim_start().starts_with("```")) {
                escape(code, &mut out);
                out.push('\n');
            }
            out.push_str("</pre>");
        } else if trimmed.starts_with('|') {
            out.push_str("<table>");
            row(trimmed, "th", &mut out);
            while let Some(next) = lines.next_if(|l| l.trim_start().starts_with('|')) {
                if !next.chars().all(|c| "|-: ".contains(c)) {
                    row(next.trim_start(), "td", &mut out);
                }
            }
            out.push_str("</table>");
        } else if let Some(item) = item(trimmed) {
            out.push_str("<ul>");
            wrapped("li", item, &mut out);
            while let Some(next) = lines.next_if(|l| self::item(l.trim_start()).is_some()) {
                wrapped("li", self::item(next.trim_start()).unwrap_or_default(), &mut out);
            }
            out.push_str("</ul>");
        } else if trimmed.starts_with('#') {
            wrapped("h4", trimmed.trim_start_matches('#').trim_start(), &mut out);
        } else if let Some(quoted) = trimmed.strip_prefix('>') {
            wrapped("blockquote", quoted.trim_start(), &mut out);
        } else if trimmed == "---" {
            out.push_str("<hr>");
        } else if !trimmed.is_empty() {
            wrapped("p", trimmed, &mut out);
        }
    }
    PreEscaped(out)
}

fn item(line: &str) -> Option<&str> {
    let bullet = ["- ", "* ", "• "].iter().find_map(|b| line.strip_prefix(b));
    bullet.or_else(|| {
        let (number, rest) = line.split_once(". ")?;
        (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit())).then_some(rest)
    })
}

fn row(line: &str, tag: &str, out: &mut String) {
    out.push_str("<tr>");
    for cell in line.trim().trim_matches('|').split('|') {
        wrapped(tag, cell.trim(), out);
    }
    out.push_str("</tr>");
}

fn wrapped(tag: &str, inner: &str, out: &mut String) {
    out.push_str(&format!("<{tag}>"));
    inline(inner, out);
    out.push_str(&format!("</{tag}>"));
}

/// What a mark that was just opened encloses, and what follows. An underscore within a word is a letter.
fn enclosed<'a>(before: Option<char>, mark: &str, rest: &'a str) -> Option<(&'a str, &'a str)> {
    if mark != "_" {
        return rest.split_once(mark);
    }
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let ends = |at: &usize| !rest[at + 1..].starts_with(char::is_alphanumeric);
    let at = rest.match_indices('_').map(|(at, _)| at).find(ends)?;
    Some((&rest[..at], &rest[at + 1..]))
}

fn inline(text: &str, out: &mut String) {
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(escaped) = rest.strip_prefix('\\')
            && let Some(c) = escaped.chars().next().filter(char::is_ascii_punctuation)
        {
            escape(&c.to_string(), out);
            rest = &escaped[1..];
            continue;
        }
        let styled = [("**", "strong"), ("~~", "s"), ("`", "code"), ("*", "em"), ("_", "em")];
        let before = text[..text.len() - rest.len()].chars().next_back();
        let found = styled.iter().find_map(|(mark, tag)| {
            let (inner, tail) = enclosed(before, mark, rest.strip_prefix(mark)?)?;
            (!inner.is_empty() && !inner.starts_with(' ')).then_some((*tag, inner, tail))
        });
        if let Some((tag, inner, tail)) = found {
            out.push_str(&format!("<{tag}>"));
            if tag == "code" {
                escape(inner, out)
            } else {
                inline(inner, out)
            }
            out.push_str(&format!("</{tag}>"));
            rest = tail;
            continue;
        }
        if let Some(after) = rest.strip_prefix('[')
            && let Some((label, tail)) = after.split_once("](")
            && let Some((target, tail)) = tail.split_once(')')
        {
            out.push_str(&link(target, label).into_string());
            rest = tail;
            continue;
        }
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let end = rest[first..].find(['\\', '*', '~', '`', '_', '[']).map_or(rest.len(), |n| n + first);
        escape(&plain(&rest[..end]), out);
        rest = &rest[end..];
    }
}

/// A `rich_text` block: sections, lists, quotes and code.
pub fn rich_text(ws: &Workspace, block: &Value) -> Markup {
    let parts = |value: &'_ Value| value["elements"].as_array().cloned().unwrap_or_default();
    html! {
        @for part in parts(block) {
            @match part["type"].as_str().unwrap_or_default() {
                "rich_text_list" => ul { @for item in parts(&part) { li { (spans(ws, &item)) } } },
                "rich_text_preformatted" => pre { (spans(ws, &part)) },
                "rich_text_quote" => blockquote { (spans(ws, &part)) },
                _ => p { (spans(ws, &part)) },
            }
        }
    }
}

fn spans(ws: &Workspace, section: &Value) -> Markup {
    let text = |value: &'_ Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    html! {
        @for one in section["elements"].as_array().into_iter().flatten() {
            @match one["type"].as_str().unwrap_or_default() {
                "link" => (link(&text(one, "url"), &text(one, "text"))),
                "user" => (reference(ws, &format!("@{}", text(one, "user_id")))),
                "emoji" => (plain(&format!(":{}:", text(one, "name")))),
                _ if one["style"]["bold"] == true => strong { (text(one, "text")) },
                _ if one["style"]["italic"] == true => em { (text(one, "text")) },
                _ if one["style"]["code"] == true => code { (text(one, "text")) },
                _ => (text(one, "text")),
            }
        }
    }
}
