use super::*;

fn said(text: &str, mentioned: bool) -> Inbound {
    let kind = if mentioned { ChannelKind::Channel } else { ChannelKind::Dm };
    let origin = Origin { channel_kind: kind, ..Origin::default() };
    Inbound::Said { origin, text: text.to_owned(), mentioned, files: Vec::new(), app_context: None }
}

fn wanted(inbound: &Inbound) -> Option<Wish> {
    wish(inbound).map(|(_, wish)| wish)
}

#[test]
fn a_link_is_a_whole_message_of_its_own() {
    let code = || Some(Wish::Code("ab3d-5fgh-j2km".to_owned()));
    assert_eq!(wanted(&said("link ab3d-5fgh-j2km", false)), code());
    assert_eq!(wanted(&said("<@U0BOT> link ab3d-5fgh-j2km", true)), code());
    assert_eq!(wanted(&said("@adjutant link ab3d-5fgh-j2km", false)), code());
    assert_eq!(wanted(&said("link", false)), Some(Wish::Explain));
    assert_eq!(wanted(&said("allow", true)), Some(Wish::Answers(true)));
    for question in
        ["link our ads to the shop", "link building for the blog", "allow more budget", "what is a link?", ""]
    {
        assert_eq!(wanted(&said(question, false)), None, "{question}");
    }
}

#[test]
fn only_the_command_of_our_name_is_ours() {
    let command = |command: &str, text: &str| Inbound::Command {
        origin: Origin::default(),
        command: command.to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(wanted(&command("/adjutant", "link")), Some(Wish::Explain));
    assert_eq!(wanted(&command("/adjutant", "link short")), Some(Wish::Code("short".to_owned())));
    assert_eq!(wanted(&command("/adjutant", "disallow")), Some(Wish::Answers(false)));
    assert_eq!(wanted(&command("/adjutant", "settings")), None);
    assert_eq!(wanted(&command("/ask", "link")), None);
}
