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
