//! Which settings differ between two configurations.

use toml::Table;

use super::Configuration;

impl Configuration {
    /// The keys whose values differ, as in `login.mechanisms`.
    pub(in crate::program) fn changes(&self, other: &Self) -> Vec<String> {
        let table = |configuration| Table::try_from(configuration).unwrap_or_default();
        let mut keys = Vec::new();
        compare(&table(self), &table(other), "", &mut keys);
        keys
    }
}

fn compare(one: &Table, other: &Table, section: &str, keys: &mut Vec<String>) {
    let added = other.keys().filter(|key| !one.contains_key(*key));
    for key in one.keys().chain(added) {
        match (one.get(key), other.get(key)) {
            (Some(toml::Value::Table(one)), Some(toml::Value::Table(other))) => {
                compare(one, other, &format!("{section}{key}."), keys);
            }
            (one, other) if one != other => keys.push(format!("{section}{key}")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_added_and_removed_keys_are_named() {
        let table = |text: &str| text.parse::<Table>().unwrap();
        let one = table("[login]\na = 1\nb = [1, 2]\nc = 3\n[limits]\nd = 4\n[old]\ne = 5");
        let other = table("[login]\na = 1\nb = [1]\nf = 6\n[limits]\nd = 4\n[new]\ng = 7");
        let mut keys = Vec::new();
        compare(&one, &other, "", &mut keys);
        keys.sort();
        assert_eq!(keys, ["login.b", "login.c", "login.f", "new", "old"]);
    }
}
