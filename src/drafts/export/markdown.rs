//! Markdown for people: briefs in full, other drafts as their diff.
use super::Sheet;
use crate::drafts::proposal::{Brief, Proposal};
use crate::text::clean;
use std::fmt::Write as _;

/// Text from data on one line, so that it cannot start a heading, a list or a link. Addresses are set as code, so that
/// they are copied as they are.
fn plain(text: &str) -> String {
    let text = clean(text, 2000);
    let words: Vec<String> = text.split(' ').map(word).collect();
    let line = words.join(" ");
    // What would open a list inside the list.
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    match line.as_bytes().get(digits) {
        Some(b'+' | b'-') if digits == 0 => format!("\\{line}"),
        Some(b'.' | b')') if digits > 0 => format!("{}\\{}", &line[..digits], &line[digits..]),
        _ => line,
    }
}

fn word(text: &str) -> String {
    if (text.starts_with("https://") || text.starts_with("http://")) && !text.contains('`') {
        return format!("`{text}`");
    }
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '&' | '~') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

pub fn document(sheet: &Sheet<'_>) -> String {
    let mut out = format!("<!-- {} -->\n", sheet.stamp().replace("--", "- -"));
    if let Some(mark) = sheet.watermark() {
        let _ = writeln!(out, "\n> **{mark}**");
    }
    match sheet.proposal {
        Proposal::Brief(brief) => content(&mut out, brief),
        Proposal::Budget(_)
        | Proposal::Pause(_)
        | Proposal::Resume(_)
        | Proposal::Reallocate(_)
        | Proposal::Negatives(_)
        | Proposal::Ad(_)
        | Proposal::Audience(_) => {
            let _ = writeln!(out, "\n# {}\n", plain(sheet.title));
            for line in sheet.diff {
                let _ = writeln!(out, "- {}", plain(line));
            }
        }
    }
    out
}

fn content(out: &mut String, brief: &Brief) {
    let _ = writeln!(out, "\n# Content brief: {}\n", plain(&brief.keyword));
    let _ = writeln!(out, "- Intent: {}", brief.intent);
    let _ = writeln!(out, "- Audience: {}", plain(&brief.audience));
    let _ = writeln!(out, "- Length: {} to {} words", brief.word_range.0, brief.word_range.1);
    let list = |out: &mut String, title: &str, items: &[String]| {
        if !items.is_empty() {
            let _ = writeln!(out, "\n## {title}\n");
            for item in items {
                let _ = writeln!(out, "- {}", plain(item));
            }
        }
    };
    list(out, "Queries to answer", &brief.target_queries);
    let _ = writeln!(out, "\n## Outline");
    for section in &brief.outline {
        let _ = writeln!(out, "\n### {}\n", plain(&section.heading));
        for point in &section.points {
            let _ = writeln!(out, "- {}", plain(point));
        }
    }
    list(out, "Questions", &brief.questions);
    list(out, "Internal links", &brief.internal_links);
    list(out, "Sources", &brief.sources);
}
