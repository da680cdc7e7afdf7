//! What a reviewer may write in a draft's thread: `approve [id]`, `reject [id] <reason>`, `edit [id]: <instruction>`,
//! `hold [id] [4h]`. Pure.
//!
//! Only the whole message counts: "approve but cut the budget" is a question, not an approval, and nothing here guesses.
use crate::drafts::ReasonCode;

/// A message that is a decision, and nothing but one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The number people call the draft by; none = the thread's only open draft.
    pub draft: Option<i64>,
    pub verb: Verb,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    Approve,
    /// `reason` is never empty.
    Reject {
        code: ReasonCode,
        reason: String,
    },
    /// "reject" without a reason: answered with how to write it.
    RejectWithoutReason,
    /// `instruction` is never empty.
    Edit {
        instruction: String,
    },
    /// Whole hours, as written; the limits are checked where drafts are held.
    Hold {
        hours: i64,
    },
}

/// Longest message that can be a decision; the rest is conversation.
const LONGEST: usize = 3000;

/// Reads a message, without the mention of the bot that it may begin with.
pub fn parse(text: &str) -> Option<Said> {
    let text = without_mention(text.trim());
    if text.chars().count() > LONGEST {
        return None;
    }
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    match word.to_ascii_lowercase().as_str() {
        "approve" => approve(rest),
        "reject" => reject(rest),
        "edit" => edit(rest),
        "hold" => hold(rest),
        _ => None,
    }
}

/// `<@U123>` at the beginning; Slack writes a name after a bar for some clients.
pub fn without_mention(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("<@") else { return text };
    match rest.split_once('>') {
        Some((id, rest)) if id.chars().all(|c| c.is_ascii_alphanumeric() || "|._-".contains(c)) => {
            rest.trim_start_matches([':', ',']).trim()
        }
        _ => text,
    }
}

/// A number at the beginning, `12` or `#12`, and what follows it. Digits that run on into letters are not a number.
fn number(text: &str) -> (Option<i64>, &str) {
    let text = text.trim_start();
    let digits = text.strip_prefix('#').unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (found, rest) = digits.split_at_checked(end).unwrap_or(("", text));
    let ends = rest.chars().next().is_none_or(|c| c.is_whitespace() || c == ':' || c == '.' || c == '!');
    match found.parse() {
        Ok(number) if ends => (Some(number), rest),
        _ => (None, text),
    }
}

fn is_over(text: &str) -> bool {
    text.trim().trim_end_matches(['.', '!']).is_empty()
}

fn approve(rest: &str) -> Option<Said> {
    if !rest.is_empty() && !rest.starts_with([' ', '\t', '#', '.', '!']) {
        return None;
    }
    let (draft, rest) = number(rest);
    is_over(rest).then_some(Said { draft, verb: Verb::Approve })
}

fn reject(rest: &str) -> Option<Said> {
    if !rest.is_empty() && !rest.starts_with([' ', '\t', '#', ':', '.', '!']) {
        return None;
    }
    let (draft, rest) = number(rest.trim_start_matches(':'));
    let reason = rest.trim_start_matches([':', ' ', '\t']).trim();
    if is_over(reason) {
        return Some(Said { draft, verb: Verb::RejectWithoutReason });
    }
    let (code, reason) = category(reason);
    Some(Said { draft, verb: Verb::Reject { code, reason } })
}

/// `too risky: the season` names its category; every other reason is `other`.
fn category(reason: &str) -> (ReasonCode, String) {
    let (head, tail) = reason.split_once(':').unwrap_or((reason, ""));
    let code = head.trim().to_lowercase().replace([' ', '-'], "_").parse::<ReasonCode>();
    match code {
        Ok(code) if tail.trim().is_empty() => (code, reason.trim_end_matches(':').to_owned()),
        Ok(code) => (code, tail.trim().to_owned()),
        Err(_) => (ReasonCode::Other, reason.to_owned()),
    }
}

/// The colon is what makes it an instruction: "edit the text please" is conversation.
fn edit(rest: &str) -> Option<Said> {
    let (head, instruction) = rest.split_once(':')?;
    let (draft, left) = number(head);
    let instruction = instruction.trim();
    if !left.trim().is_empty() || instruction.is_empty() {
        return None;
    }
    Some(Said { draft, verb: Verb::Edit { instruction: instruction.to_owned() } })
}

/// `hold`, `hold 4h`, `hold 12 4h`: a bare number is the draft, a span has its unit.
fn hold(rest: &str) -> Option<Said> {
    if !rest.is_empty() && !rest.starts_with([' ', '\t', '#', '.', '!']) {
        return None;
    }
    let rest = rest.trim().trim_end_matches(['.', '!']).trim();
    let (draft, hours) = match span(rest) {
        Some(hours) => (None, hours),
        None => match number(rest) {
            (draft, "") => (draft, 4),
            (draft, left) => (draft, span(left)?),
        },
    };
    Some(Said { draft, verb: Verb::Hold { hours } })
}

/// Whole hours, of `4h`, `8 hours`, `for 2d`.
fn span(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_prefix("for ").unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(end)?;
    let each = match unit.trim() {
        "h" | "hour" | "hours" => 1,
        "d" | "day" | "days" => 24,
        _ => return None,
    };
    count.parse::<i64>().ok()?.checked_mul(each)
}

#[cfg(test)]
mod tests;
