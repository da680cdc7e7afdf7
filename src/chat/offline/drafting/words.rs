//! Small words of draft intents: how a message opens, agrees, and points at what was shown.
use crate::chat::offline::understand::Reading;

/// Words of a message that agrees to a draft and says nothing else.
pub const DRAFT_IT: &[&str] = &[
    "yes", "ok", "please", "draft", "it", "that", "this", "prepare", "propose", "the", "change", "a", "for",
    "me", "go", "and", "then", "sure", "so", "now", "do",
];

/// Words that point at one row of what was shown.
const ROWS: &[&str] =
    &["one", "row", "line", "first", "second", "third", "fourth", "fifth", "last", "1st", "2nd", "3rd"];

/// The message agrees to a draft of something shown ("draft it", "yes, draft the second one", "draft that on Meta") and
/// says nothing else.
pub fn agrees(reading: &Reading) -> bool {
    let named = |at: usize| reading.vendors.iter().any(|v| v.at <= at && at < v.at + v.len);
    let follows = |at: usize| named(at + 1);
    reading.words.iter().enumerate().all(|(at, word)| {
        let word = word.text.as_str();
        DRAFT_IT.contains(&word)
            || ROWS.contains(&word)
            || named(at)
            || (matches!(word, "on" | "in") && follows(at))
    })
}

/// "draft it …", "draft the second …": something shown is to be drafted, whatever follows.
pub fn drafts_what_was_shown(words: &[&str]) -> bool {
    let rest: Vec<&str> =
        words.iter().copied().skip_while(|w| *w != "draft").skip(1).filter(|w| *w != "the").collect();
    rest.first().is_some_and(|w| {
        matches!(*w, "it" | "that" | "this" | "them" | "these" | "those") || ROWS.contains(w)
    })
}

/// The message starts with a change, politely or not.
pub fn imperative(words: &[&str]) -> bool {
    let mut rest = words.iter().skip_while(|w| {
        matches!(
            **w,
            "please"
                | "ok"
                | "okay"
                | "then"
                | "now"
                | "lets"
                | "let"
                | "us"
                | "just"
                | "and"
                | "can"
                | "could"
                | "you"
                | "we"
                | "also"
                | "yes"
                | "so"
                | "i"
                | "want"
                | "to"
                | "would"
                | "like"
                | "go"
                | "ahead"
                | "is"
        )
    });
    let question = matches!(
        words.first(),
        Some(&("is" | "what" | "which" | "how" | "why" | "who" | "should" | "do" | "does" | "did"))
    );
    // "can we cut …", "could i move …" ask for advice, "can you cut …" asks for the change.
    let advice = matches!(words, ["can" | "could" | "should" | "would", "we" | "i", ..]);
    !question
        && !advice
        && rest.next().is_some_and(|w| {
            matches!(
                *w,
                "pause"
                    | "stop"
                    | "kill"
                    | "halt"
                    | "cut"
                    | "reduce"
                    | "lower"
                    | "trim"
                    | "decrease"
                    | "halve"
                    | "slash"
                    | "increase"
                    | "raise"
                    | "boost"
                    | "bump"
                    | "scale"
                    | "double"
                    | "move"
                    | "shift"
                    | "reallocate"
                    | "transfer"
                    | "redistribute"
                    | "add"
                    | "exclude"
                    | "block"
                    | "build"
                    | "create"
                    | "make"
                    | "write"
                    | "generate"
                    | "compose"
                    | "retarget"
                    | "resume"
                    | "unpause"
            )
        })
}

/// "it", "that one", "the second": something of the answer before.
pub fn points(words: &[&str]) -> bool {
    words.iter().any(|w| {
        matches!(
            *w,
            "it" | "that"
                | "this"
                | "one"
                | "first"
                | "second"
                | "third"
                | "fourth"
                | "fifth"
                | "last"
                | "worst"
                | "them"
        )
    })
}
