//! What a sync would change: a value, computed from what is stored and what Slack says, and shown before it is applied.

use std::collections::BTreeSet;
use std::fmt;

use shared::ids::UserId;

/// The difference between who has a grant and who should.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Who gets it.
    pub joined: Vec<UserId>,
    /// Who loses it.
    pub left: Vec<UserId>,
    /// How many have it then.
    pub members: usize,
}

impl Diff {
    /// What has to change so that exactly `members` have the grant that `stored` have now. Those of `ending` are
    /// written again although nothing changes, because their items would expire.
    pub fn new(stored: &BTreeSet<UserId>, members: &BTreeSet<UserId>, ending: &BTreeSet<UserId>) -> Self {
        Self {
            joined: members
                .iter()
                .filter(|user| !stored.contains(user) || ending.contains(user))
                .cloned()
                .collect(),
            left: stored.difference(members).cloned().collect(),
            members: members.len(),
        }
    }

    /// Takes those out about whom something newer was known: they were not changed.
    pub fn forget(&mut self, outdated: &[UserId]) {
        self.joined.retain(|user| !outdated.contains(user));
        self.left.retain(|user| !outdated.contains(user));
    }

    /// Whether nothing has to change.
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty()
    }
}

/// How many names a shown diff has of each kind.
const NAMED: usize = 20;

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sign, users) in [('+', &self.joined), ('-', &self.left)] {
            for user in users.iter().take(NAMED) {
                write!(f, "{sign}{user} ")?;
            }
            if users.len() > NAMED {
                write!(f, "{sign}{} more ", users.len() - NAMED)?;
            }
        }
        write!(f, "({} members)", self.members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(ids: &[&str]) -> BTreeSet<UserId> {
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    #[test]
    fn exactly_the_members_have_the_grant_afterwards() {
        for (stored, members, ending, shown) in [
            (&[][..], &["U1", "U2"][..], &[][..], "+U1 +U2 (2 members)"),
            (&["U1", "U2"], &["U2", "U3"], &[], "+U3 -U1 (2 members)"),
            (&["U1"], &["U1"], &[], "(1 members)"),
            (&["U1", "U2"], &["U1", "U2"], &["U2", "U9"], "+U2 (2 members)"),
            (&["U1"], &[], &["U1"], "-U1 (0 members)"),
        ] {
            let diff = Diff::new(&users(stored), &users(members), &users(ending));
            assert_eq!(diff.to_string(), shown);
            let mut after = users(stored);
            after.extend(diff.joined.iter().cloned());
            after.retain(|user| !diff.left.contains(user));
            assert_eq!(after, users(members));
            assert_eq!(diff.is_empty(), diff.joined.is_empty() && diff.left.is_empty());
        }
    }

    #[test]
    fn a_long_diff_is_shown_in_part() {
        for (count, shown) in [(NAMED, "U120 ("), (NAMED + 1, "+1 more ("), (NAMED + 9, "+9 more (")] {
            let ids: Vec<String> = (0..count).map(|number| format!("U{}", 101 + number)).collect();
            let members = ids.iter().map(|id| id.parse().unwrap()).collect();
            let text = Diff::new(&BTreeSet::new(), &members, &BTreeSet::new()).to_string();
            assert!(text.contains(shown), "{text}");
        }
    }
}
