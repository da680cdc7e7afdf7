use super::*;

const US: &str = "U0ADJUTANT";

fn reports() -> Reports {
    Reports::of(&Playbooks::embedded().unwrap())
}

fn ask(text: &str) -> Wish {
    Wish::Ask(text.to_owned())
}

fn other(command: &str, text: &str) -> Wish {
    Wish::Other { command: command.to_owned(), text: text.to_owned() }
}

#[test]
fn markup_is_undone() {
    let text = "<@U0ADJUTANT> how is <#C0MARKETING|marketing> &amp; <https://shop.example/a?b=c|the shop> for <@U0MARA> <!here> a &lt; b";
    assert_eq!(undone(text, US), "how is #marketing & the shop for @U0MARA @here a < b");
    assert_eq!(
        undone("<mailto:a@b.example|a@b.example> <https://x.example> <open", US),
        "a@b.example https://x.example <open"
    );
}

#[test]
fn commands_are_understood_as_text() {
    let said = |text: &str| said(text, US, &reports());
    assert_eq!(said("<@U0ADJUTANT> find_waste 30"), ask("/find_waste 30"));
    assert_eq!(said("/find_waste 30"), ask("/find_waste 30"));
    assert_eq!(said("adjutant: seo_overlap trail shoes"), ask("/seo_overlap trail shoes"));
    assert_eq!(said("ask how are we doing"), ask("how are we doing"));
    assert_eq!(said("how are we doing?"), ask("how are we doing?"));
    assert_eq!(said("<@U0ADJUTANT> Help"), Wish::Help);
    assert_eq!(said("@adjutant help"), Wish::Help);
    assert_eq!(said("Stop"), Wish::Stop);
    assert_eq!(said("stop the spring campaign"), ask("stop the spring campaign"));
    assert_eq!(said("approvals mine"), other("/approvals", "mine"));
    assert_eq!(said("adjutant settings"), other("/adjutant", "settings"));
    assert_eq!(said("<@U0ADJUTANT>"), Wish::Nothing);
    assert_eq!(said("report weekly"), ask("/report_weekly"));
    assert_eq!(said("report on the spring campaign"), ask("report on the spring campaign"));
}

#[test]
fn slash_commands_are_understood() {
    let commanded = |command: &str, text: &str| commanded(command, text, US, &reports());
    assert_eq!(commanded("/ask", "how &amp; why"), ask("how & why"));
    assert_eq!(commanded("/ask", " "), Wish::Nothing);
    assert_eq!(commanded("/find_waste", "30 email"), ask("/find_waste 30 email"));
    assert_eq!(commanded("/idea_copy", ""), ask("/idea_copy"));
    assert_eq!(commanded("/report", "weekly last month"), ask("/report_weekly last month"));
    assert_eq!(commanded("/report", "Board"), Wish::NoReport { asked: "board".to_owned() });
    assert_eq!(commanded("/report", ""), Wish::NoReport { asked: String::new() });
    assert_eq!(commanded("/adjutant", ""), Wish::Help);
    assert_eq!(commanded("/adjutant", "settings"), other("/adjutant", "settings"));
    assert_eq!(commanded("/approvals", "mine"), other("/approvals", "mine"));
}

#[test]
fn every_report_that_is_offered_is_a_command() {
    let books = Playbooks::embedded().unwrap();
    let reports = Reports::of(&books);
    assert!(reports.kinds().contains(&"weekly".to_owned()), "{:?}", reports.kinds());
    for kind in reports.kinds() {
        assert!(books.command(&format!("report_{kind}")).is_some(), "{kind}");
    }
}

#[test]
fn what_is_for_somebody_else_is_noticed() {
    assert!(names_another("<@U0MARA> what do you think?", US));
    assert!(!names_another("<@U0ADJUTANT> what do you think?", US));
    assert!(!names_another("what does <@U0MARA> think?", US));
}
