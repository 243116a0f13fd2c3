-- Count words: split each line into words, one row each, and count the rows of each word.

CREATE EXTERNAL TABLE IF NOT EXISTS lines (line STRING)
ROW FORMAT DELIMITED LINES TERMINATED BY '\n'
STORED AS TEXTFILE
LOCATION '${INPUT}';

INSERT OVERWRITE DIRECTORY '${OUTPUT}'
ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t'
SELECT word, COUNT(*) AS times
FROM lines
LATERAL VIEW explode(split(regexp_replace(lower(line), '[^a-z]+', ' '), ' ')) words AS word
WHERE word <> ''
GROUP BY word;
