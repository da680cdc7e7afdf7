use super::*;
use crate::access::Role;
use crate::clock::SystemClock;
use crate::ids::{MemberId, OrgId};

#[test]
fn the_company_meets_in_the_workspace_under_its_addresses() {
    let member = |name: &str, role| Member {
        id: MemberId::new(&SystemClock),
        name: name.to_owned(),
        role,
        state: "active".to_owned(),
    };
    let members = vec![member("Mara Lind", Role::Marketer), member("Alex Moreau", Role::Approver)];
    let company = Company { org: OrgId::new(&SystemClock), members };
    let options = options(&company, Arc::new(SystemClock), "127.0.0.1:0".parse().unwrap());
    let [mara, alex, gil] = options.people.as_slice() else { panic!("{:?}", options.people) };
    assert_eq!((mara.id.as_str(), mara.email.as_deref()), ("U0MARA", Some("mara@fernhill.example")));
    assert_eq!((alex.title.as_str(), gil.guest), ("approver", true));
    let leads = options.channels.iter().find(|c| c.name == "growth-leads").unwrap();
    assert!(leads.members.contains("U0ALEX") && !leads.members.contains("U0GIL"));
}

#[test]
fn the_words_say_how_it_talks_and_where_its_page_is() {
    let read = |words: &[&str]| {
        wanted(&words.iter().map(|word| word.parse().unwrap()).collect::<Vec<Word>>()).unwrap()
    };
    let usual: SocketAddr = "127.0.0.1:8471".parse().unwrap();
    let other: SocketAddr = "127.0.0.1:9000".parse().unwrap();
    assert_eq!(read(&[]), (Transport::Socket, usual));
    assert_eq!(read(&["127.0.0.1:9000"]), (Transport::Socket, other));
    assert_eq!(read(&["http"]), (Transport::Http, usual));
    assert_eq!(read(&["127.0.0.1:9000", "http"]), (Transport::Http, other));
    let wrong = "https".parse::<Word>().unwrap_err();
    assert_eq!(wrong, "'https' is neither 'http', 'socket' nor an address such as 127.0.0.1:8471");
    let all = reached("0.0.0.0:80".parse().unwrap());
    assert_eq!(all, "127.0.0.1:80".parse().unwrap());
}
