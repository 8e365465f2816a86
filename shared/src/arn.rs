//! The ARN of an IAM role, checked once at the edge: it goes into AssumeRole and into texts that people read.

use std::fmt;

/// The longest path of a role, slashes included (IAM's limit).
const MAX_PATH: usize = 512;

/// The longest name of a role (IAM's limit).
const MAX_NAME: usize = 64;

/// The ARN of one role in one account, such as `arn:aws:iam::111111111111:role/alfredbot/ReadOnly`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleArn {
    text: String,
    account: usize,
    name: usize,
}

/// What was given is not the ARN of a role.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a role's ARN: expected one such as arn:aws:iam::111111111111:role/alfredbot/ReadOnly")]
pub struct NotARoleArn;

impl RoleArn {
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account that owns the role: 12 digits.
    pub fn account(&self) -> &str {
        &self.text[self.account..self.account + 12]
    }

    /// The role's name, without its path.
    pub fn name(&self) -> &str {
        &self.text[self.name..]
    }
}

impl std::str::FromStr for RoleArn {
    type Err = NotARoleArn;

    fn from_str(text: &str) -> Result<Self, NotARoleArn> {
        let rest = text.strip_prefix("arn:").ok_or(NotARoleArn)?;
        let (partition, rest) = rest.split_once(':').ok_or(NotARoleArn)?;
        let rest = rest.strip_prefix("iam::").ok_or(NotARoleArn)?;
        let (account, resource) = rest.split_once(':').ok_or(NotARoleArn)?;
        let path = resource.strip_prefix("role/").ok_or(NotARoleArn)?;
        let name = path.rsplit('/').next().unwrap_or(path);

        let partition_fits = (partition == "aws" || partition.starts_with("aws-"))
            && partition.len() <= 32
            && partition.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        let account_fits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let path_fits = path.len() - name.len() < MAX_PATH
            && !path.starts_with('/')
            && !path.contains("//")
            && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte));
        let name_fits = (1..=MAX_NAME).contains(&name.len());
        if partition_fits && account_fits && path_fits && name_fits {
            let account = "arn:".len() + partition.len() + ":iam::".len();
            Ok(Self { account, name: text.len() - name.len(), text: text.to_owned() })
        } else {
            Err(NotARoleArn)
        }
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_role_arn_gives_its_account_and_name() {
        for (text, account, name) in [
            ("arn:aws:iam::111111111111:role/alfredbot/ReadOnly", "111111111111", "ReadOnly"),
            ("arn:aws-us-gov:iam::222222222222:role/Admin", "222222222222", "Admin"),
            ("arn:aws-cn:iam::012345678901:role/a/b/c/x+=,.@_-", "012345678901", "x+=,.@_-"),
        ] {
            let arn: RoleArn = text.parse().unwrap();
            assert_eq!((arn.as_str(), arn.account(), arn.name()), (text, account, name));
        }
    }

    #[test]
    fn what_is_not_exactly_a_role_arn_is_refused() {
        for bad in [
            "",
            "ReadOnly",
            "arn:aws:iam::1:role/a",
            "arn:aws:iam::1:role/a\",\"Resource\":\"*",
            "arn:aws:iam::111111111111:role/a\",\"Resource\":\"*",
            "arn:aws:iam::111111111111:role/*",
            "arn:aws:iam::111111111111:role/",
            "arn:aws:iam::111111111111:role//a",
            "arn:aws:iam::111111111111:role/a//b",
            "arn:aws:iam::111111111111:user/a",
            "arn:aws:iam:eu-west-1:111111111111:role/a",
            "arn:aws:sts::111111111111:assumed-role/a/b",
            "arn:AWS:iam::111111111111:role/a",
            "arn:evil:iam::111111111111:role/a",
            "arn:aws:iam::11111111111１:role/a",
            "arn:aws:iam::1111111111111:role/a",
            " arn:aws:iam::111111111111:role/a",
            "arn:aws:iam::111111111111:role/a\n",
        ] {
            assert_eq!(bad.parse::<RoleArn>(), Err(NotARoleArn), "{bad}");
        }
    }

    #[test]
    fn names_and_paths_end_at_iams_limits() {
        let arn = |path: usize, name: usize| {
            format!(
                "arn:aws:iam::111111111111:role/{}{}",
                "p".repeat(path.saturating_sub(1)) + if path > 0 { "/" } else { "" },
                "n".repeat(name)
            )
        };
        for (path, name, fits) in
            [(0, 63, true), (0, 64, true), (0, 65, false), (510, 1, true), (511, 1, true), (512, 1, false)]
        {
            assert_eq!(arn(path, name).parse::<RoleArn>().is_ok(), fits, "{path} {name}");
        }
    }

    /// Whether IAM has such an ARN of a role, as its reference writes the parts: a `RoleName` is `[\w+=,.@-]{1,64}`, a
    /// `Path` is `/` or `/[!-~]+/` of up to 512 characters, an account has 12 digits.
    fn iam_knows(text: &str) -> bool {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts[..] else { return false };
        let Some(name_with_path) = resource.strip_prefix("role") else { return false };
        let Some(end) = name_with_path.rfind('/') else { return false };
        let (path, name) = name_with_path.split_at(end + 1);
        partition.starts_with("aws")
            && partition.chars().all(|letter| matches!(letter, 'a'..='z' | '-'))
            && account.len() == 12
            && account.chars().all(|digit| digit.is_ascii_digit())
            && path.starts_with('/')
            && path.len() <= 512
            && path.chars().all(|character| matches!(character, '!'..='~'))
            && (1..=64).contains(&name.chars().count())
            && name.chars().all(|character| {
                matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '+' | '=' | ',' | '.' | '@' | '-')
            })
    }

    fn role_arns() -> impl Strategy<Value = String> {
        let text = "arn:aws(-cn|-us-gov|-iso-b)?:iam::[0-9]{12}:role/([a-zA-Z0-9+=,.@_-]{1,9}/){0,3}[a-zA-Z0-9+=,.@_-]{1,64}";
        proptest::string::string_regex(text).unwrap()
    }

    /// One character more, less or otherwise, at some place: what almost is an ARN is what a check lets through.
    fn almost_role_arns() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            proptest::sample::select("/:*?\"\\ \n\0aA0-$１é".chars().collect::<Vec<_>>()),
            any::<char>()
        ];
        (role_arns(), any::<proptest::sample::Index>(), character, 0..4_u8).prop_map(
            |(arn, place, character, how)| {
                let mut text: Vec<char> = arn.chars().collect();
                let place = place.index(text.len());
                match how {
                    0 => text.insert(place, character),
                    1 => text[place] = character,
                    2 => drop(text.remove(place)),
                    _ => text.truncate(place),
                }
                text.into_iter().collect()
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_role_arn_is_read_and_printed_back(text in role_arns()) {
            let arn: RoleArn = text.parse().unwrap();
            prop_assert_eq!(arn.to_string(), text.clone());
            prop_assert_eq!(arn.account(), text.split(':').nth(4).unwrap());
            prop_assert_eq!(arn.name(), text.rsplit('/').next().unwrap());
            prop_assert!(iam_knows(&text));
        }

        #[test]
        fn whatever_is_read_is_an_arn_that_iam_knows(text in prop_oneof![4 => almost_role_arns(), 1 => any::<String>()]) {
            if let Ok(arn) = text.parse::<RoleArn>() {
                prop_assert!(iam_knows(&text), "{text:?}");
                prop_assert_eq!(arn.to_string(), text);
            }
        }
    }
}
