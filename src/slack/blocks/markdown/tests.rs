use super::super::text::tests::{HOSTILE, nasty};
use super::*;
use proptest::prelude::*;

fn answer(prose: &str, names: &[&str]) -> String {
    Markdown::answer(prose, &names.iter().collect()).0
}

#[test]
fn data_is_text() {
    assert_eq!(Markdown::data(HOSTILE).as_str(), r"‹!channel› \*bold\* ‹\[link removed\]\|x›");
    assert_eq!(
        Markdown::data("Bags & Shoes | spring_sale [DE]").as_str(),
        r"Bags & Shoes \| spring_sale \[DE\]"
    );
    assert_eq!(Markdown::data("# one\n- two\n1. three &lt;").as_str(), r"\# one \- two 1\. three &amp;lt;");
    assert_eq!(
        Markdown::data("at shop.example/a*b, 3.5 or e.g. 1.2").as_str(),
        r"at `shop.example/a`\*b, 3.5 or e.g. 1.2"
    );
    assert_eq!(
        Markdown::data("@Channel @hereafter a@here").as_str(),
        "@\u{2060}Channel @hereafter a@\u{2060}here"
    );
}

#[test]
fn the_words_of_markdown_carry_no_signs() {
    let text = Markdown(r"**Worst:** \*bold\* `shop.example/a` 2*3 \ end".to_owned());
    assert_eq!(text.words(), r"Worst: *bold* shop.example/a 2*3 \ end");
}

#[test]
fn an_answer_keeps_its_own_formatting_and_loses_that_of_the_data() {
    let prose =
        "**Worst:** <!channel> *bold* <https://evil|x> cost **CHF 12**, see evil.example or <@U012AB3CD>.\n";
    assert_eq!(
        answer(prose, &[HOSTILE]),
        "**Worst:** ‹!channel› \\*bold\\* ‹\\[link removed\\]\\|x› cost **CHF 12**, see `evil.example` or ‹@U012AB3CD>.\n"
    );
    assert_eq!(answer("`a.example` and ``b.example``", &[]), "`a.example` and ``b.example``");
    assert_eq!(
        answer("```\n<!here> x.example\n```\nafter.example", &[]),
        "```\n‹!here> x.example\n```\n`after.example`"
    );
    assert_eq!(
        answer("1. _Sale_ rose by 3.5 %\n2. [Sale] fell", &["[Sale]"]),
        "1. _Sale_ rose by 3.5 %\n2. \\[Sale\\] fell"
    );
    assert_eq!(
        answer(r"\evil.example \\evil.example \*x\*", &[]),
        r"\\`evil.example` \\`evil.example` \*x\*"
    );
    assert_eq!(answer("```\nopen", &[]), "```\nopen\n```");
    assert_eq!(answer("a ` evil.example", &[]), "a ˋ `evil.example`", "nothing ends that code");
    assert_eq!(answer("`` ` `` `evil.example ``", &[]), "`` ` `` ˋ`evil.example` ˋˋ");
    assert_eq!(answer("``a``evil.example", &[]), "``a``\u{2060}`evil.example`");
    assert_eq!(answer(r"\`evil.example`", &[]), r"\\`evil.example`");
}

#[test]
fn a_long_line_is_shown_before_it_ends_but_not_in_the_middle_of_a_name() {
    let mut stream = Prose::new([HOSTILE].iter().collect());
    let words = "word ".repeat(30);
    assert_eq!(stream.push(&words).as_str(), words);
    assert_eq!(stream.push(&format!("{words}<!channel> *bold*")).as_str(), words, "a name is under way");
    let rest = stream.push(&format!(" <https://evil|x> {words}"));
    assert!(rest.as_str().starts_with(r"‹!channel› \*bold\* ‹\[link removed\]\|x› word"), "{rest:?}");
    assert_eq!(stream.push("end").as_str(), "");
    assert_eq!(stream.finish().as_str(), "end");
}

#[test]
fn pieces_close_and_open_the_code_they_cut() {
    let text = Markdown(format!("intro\n```\n{}```\nend", "some code\n".repeat(40)));
    let pieces = text.pieces(200);
    assert!(pieces.len() > 2);
    for piece in &pieces {
        assert!(piece.len() <= 200);
        assert_eq!(piece.as_str().matches("```").count() % 2, 0, "{piece:?}");
    }
}

/// Length of the run of signs of a code at the beginning.
fn run(text: &str) -> usize {
    text.len() - text.trim_start_matches('`').len()
}

/// Where the code ends that begins with so many signs.
fn code_end(text: &str, signs: usize) -> Option<usize> {
    let mut at = signs;
    loop {
        at += text[at..].find('`')?;
        let found = run(&text[at..]);
        at += found;
        if found == signs {
            return Some(at);
        }
    }
}

/// The text without its code spans and without what is escaped.
fn read(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        if c == '\\' {
            taken += rest.chars().nth(1).map_or(0, char::len_utf8);
        } else if c == '`' {
            // A code ends with as many signs as it began with; signs that nothing ends are text.
            taken = run(rest);
            match code_end(rest, taken) {
                Some(end) => taken = end,
                None => out.push_str(&rest[..taken]),
            }
        } else {
            out.push(c);
        }
        rest = &rest[taken..];
    }
    out
}

fn is_harmless(text: &str) -> Result<(), TestCaseError> {
    for token in ["<!", "<@", "<#", "<h", "](", "://"] {
        prop_assert!(!text.contains(token), "{token} in {text}");
    }
    for word in read(text).split(' ') {
        prop_assert!(!linkish(word), "{word} in {text}");
    }
    for (at, _) in text.match_indices('@') {
        prop_assert!(!names_everybody(&text[at + 1..]), "{text}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn nothing_in_data_is_markdown(data in nasty()) {
        let text = Markdown::data(&data).0;
        is_harmless(&text)?;
        let bare = read(&text);
        prop_assert!(!bare.contains(['*', '~', '`', '[', ']', '<', '>', '|', '\n']), "{text}");
        for (at, _) in bare.match_indices('_') {
            prop_assert!(word(bare[..at].chars().last()) && word(bare[at + 1..].chars().next()), "{text}");
        }
    }

    /// A name that an answer quotes comes out as the data it is, however the answer is cut on its way.
    #[test]
    fn a_quoted_name_formats_nothing(data in nasty(), cuts in prop::collection::vec(0usize..60, 0..4)) {
        let shown = clean(&data, 200);
        let names: Names = [&data].into_iter().collect();
        let prose = format!("**Worst:** {shown} took most.\n- {shown} again");
        let whole = Markdown::answer(&prose, &names).0;
        is_harmless(&whole)?;
        let mut stream = Prose::new(names);
        let (mut out, mut from) = (String::new(), 0);
        for cut in cuts {
            let to = prose.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(prose.len()).max(from);
            out.push_str(stream.push(&prose[from..to]).as_str());
            from = to;
        }
        out.push_str(stream.push(&prose[from..]).as_str());
        out.push_str(stream.finish().as_str());
        prop_assert_eq!(&out, &whole);
        // Where a bracket after a removed link swallows words of the answer, they are gone, and that is all.
        let kept = scrub(&shown);
        prop_assume!(scrub(&prose) == format!("**Worst:** {kept} took most.\n- {kept} again"));
        // A name such as "-" is also found in the answer's own marks, and escaped there.
        prop_assume!(!["", "*", "**", ":**", ":", ".", "-"].contains(&shown.trim()));
        let expected = Markdown::data(&shown).0;
        prop_assert_eq!(&whole, &format!("**Worst:** {expected} took most.\n- {expected} again"));
    }

    #[test]
    fn whatever_a_model_writes_links_nowhere_and_calls_nobody(prose in nasty()) {
        is_harmless(&Markdown::answer(&prose, &Names::default()).0)?;
    }
}
