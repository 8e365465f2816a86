//! Dates as people write them, beyond ISO 8601: `Jan 5 2020`, `5 January 2020 10:00 PM`, `01/02/2020`, `10:00`.
//!
//! The official CLI leaves these to a library that guesses; here are the forms that it guesses the same way each time.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// Reads a date, a time or both. What is not said is taken from midnight of `today`. Without an offset it is UTC.
pub fn parse(text: &str, today: OffsetDateTime) -> Option<OffsetDateTime> {
    let mut found = Found::default();
    let text = text.replace(',', " ");
    for word in text.split_whitespace() {
        found.take(word)?;
    }
    if found.words == 0 {
        return None;
    }
    let date = match (found.year, found.month, found.day) {
        (Some(year), Some(month), Some(day)) => {
            Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?
        }
        (None, None, None) if found.time.is_some() => today.date(),
        _ => return None,
    };
    let time = match (found.time?, found.afternoon) {
        (time, None) => time,
        (time, Some(_)) if !(1..=12).contains(&time.hour()) => return None,
        (time, Some(afternoon)) => {
            time.replace_hour(time.hour() % 12 + if afternoon { 12 } else { 0 }).ok()?
        }
    };
    Some(date.with_time(time).assume_offset(found.offset.unwrap_or(UtcOffset::UTC)))
}

struct Found {
    words: usize,
    year: Option<i32>,
    month: Option<u8>,
    day: Option<u8>,
    /// Midnight until a time is found, [`Found::clock`] tells which.
    time: Option<Time>,
    clock: bool,
    afternoon: Option<bool>,
    offset: Option<UtcOffset>,
}

impl Default for Found {
    fn default() -> Self {
        let (words, year, month, day, clock, afternoon, offset) = (0, None, None, None, false, None, None);
        Self { words, year, month, day, time: Some(Time::MIDNIGHT), clock, afternoon, offset }
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl Found {
    fn take(&mut self, word: &str) -> Option<()> {
        self.words += 1;
        let lower = word.to_ascii_lowercase();
        let names = |name: &str| lower.len() >= 3 && name.starts_with(lower.trim_end_matches('.'));
        if let Some(month) = MONTHS.iter().position(|name| names(name)) {
            return set(&mut self.month, u8::try_from(month + 1).ok()?);
        }
        if DAYS.iter().any(|name| names(name)) {
            return Some(());
        }
        match lower.as_str() {
            "am" | "pm" if self.clock => return set(&mut self.afternoon, lower == "pm"),
            "z" | "utc" | "gmt" => return set(&mut self.offset, UtcOffset::UTC),
            _ => {}
        }
        if let Some(clock) = lower.strip_suffix("am").or_else(|| lower.strip_suffix("pm")) {
            set(&mut self.afternoon, lower.ends_with("pm"))?;
            return self.clock(clock);
        }
        if self.clock && lower.starts_with(['+', '-']) {
            return set(&mut self.offset, offset(&lower)?);
        }
        if lower.contains(':') {
            let end = lower.find(['z', '+', '-']).unwrap_or(lower.len());
            if end < lower.len() {
                set(&mut self.offset, offset(&lower[end..])?)?;
            }
            return self.clock(&lower[..end]);
        }
        if let Some((date, clock)) = lower.split_once('t')
            && date.len() == 8
        {
            let end = clock.find(['z', '+', '-']).unwrap_or(clock.len());
            if end < clock.len() {
                set(&mut self.offset, offset(&clock[end..])?)?;
            }
            self.compact_date(date)?;
            return self.clock(&pairs(&clock[..end])?);
        }
        let parts: Vec<&str> = lower.split(['/', '-', '.']).collect();
        match parts.as_slice() {
            [year, month, day] if year.len() == 4 => {
                set(&mut self.year, number(year)?)?;
                set(&mut self.month, number(month)?)?;
                set(&mut self.day, number(day)?)
            }
            // Americans write the month first; where it cannot be one, the day comes first.
            [first, second, year] if year.len() == 4 => {
                let (first, second): (u8, u8) = (number(first)?, number(second)?);
                let (month, day) = if first > 12 { (second, first) } else { (first, second) };
                set(&mut self.year, number(year)?)?;
                set(&mut self.month, month)?;
                set(&mut self.day, day)
            }
            [one] if one.len() == 4 => set(&mut self.year, number(one)?),
            [one] if one.len() <= 2 || one.len() <= 4 && one.ends_with(['t', 'd', 'h']) => {
                set(&mut self.day, number(one.trim_end_matches(char::is_alphabetic))?)
            }
            _ => None,
        }
    }

    fn compact_date(&mut self, date: &str) -> Option<()> {
        set(&mut self.year, number(date.get(..4)?)?)?;
        set(&mut self.month, number(date.get(4..6)?)?)?;
        set(&mut self.day, number(date.get(6..)?)?)
    }

    fn clock(&mut self, clock: &str) -> Option<()> {
        if std::mem::replace(&mut self.clock, true) {
            return None;
        }
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        let mut fields = clock.split(':');
        let hour = number(fields.next()?)?;
        let minute = fields.next().map_or(Some(0), number)?;
        let second = fields.next().map_or(Some(0), number)?;
        let micros = number(&format!("{:0<6}", fraction.get(..fraction.len().min(6))?))?;
        self.time = Some(Time::from_hms_micro(hour, minute, second, micros).ok()?);
        fields.next().is_none().then_some(())
    }
}

/// Sets what has not been said yet. Saying it twice is no date.
fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.is_none().then(|| *place = Some(value))
}

fn number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// `101010` as `10:10:10`.
fn pairs(digits: &str) -> Option<String> {
    let pairs: Option<Vec<&str>> = (0..digits.len()).step_by(2).map(|i| digits.get(i..i + 2)).collect();
    Some(pairs?.join(":"))
}

fn offset(text: &str) -> Option<UtcOffset> {
    if text == "z" {
        return Some(UtcOffset::UTC);
    }
    let sign: i8 = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    let hours: i8 = number(digits.get(..2)?)?;
    let minutes: i8 = if digits.len() > 2 { number(digits.get(2..)?)? } else { 0 };
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_forms_are_read_as_the_official_cli_does() {
        let today = OffsetDateTime::from_unix_timestamp(1_736_944_496).expect("a time");
        for (text, expected) in [
            ("Jan 5 2020", Some("2020-01-05 0:00:00.0 +00:00:00")),
            ("5 January 2020 10:00 PM", Some("2020-01-05 22:00:00.0 +00:00:00")),
            ("Jan 5, 2020 12:30am", Some("2020-01-05 0:30:00.0 +00:00:00")),
            ("20200105T101010Z", Some("2020-01-05 10:10:10.0 +00:00:00")),
            ("01/02/2020", Some("2020-01-02 0:00:00.0 +00:00:00")),
            ("25/12/2020", Some("2020-12-25 0:00:00.0 +00:00:00")),
            ("2020/12/25 10:00:00.5", Some("2020-12-25 10:00:00.5 +00:00:00")),
            ("2020-12-25 10:00 +02:00", Some("2020-12-25 10:00:00.0 +02:00:00")),
            ("10:00", Some("2025-01-15 10:00:00.0 +00:00:00")),
            ("Sun 5 Jan 2020", Some("2020-01-05 0:00:00.0 +00:00:00")),
            ("now", None),
            ("", None),
            ("13/13/2020", None),
            ("Jan 2020 Feb", None),
            ("25:00", None),
        ] {
            assert_eq!(parse(text, today).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }
}
