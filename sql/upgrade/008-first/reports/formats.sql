-- SPDX-License-Identifier: MIT
-- The formats and their options, for the checks of INSERT; made by `reportctl
-- formats --sql`. An option stands here once, by its owner, and a format has
-- the options of all its owners.

with output_option (owner, options) as (values
('CSV', '[
 {
  "option": "delimiter",
  "type": "string",
  "about": "one character between fields; default ,"
 },
 {
  "option": "header",
  "type": "boolean",
  "about": "column names in the first line; default true"
 },
 {
  "option": "quote",
  "type": "string",
  "allowed": "minimal|all|nonnumeric",
  "about": "which fields are quoted; default minimal"
 },
 {
  "option": "null",
  "type": "string",
  "about": "what stands for NULL; default empty"
 },
 {
  "option": "line_ending",
  "type": "string",
  "allowed": "lf|crlf",
  "about": "default lf"
 },
 {
  "option": "bom",
  "type": "boolean",
  "about": "start with a byte order mark, for Excel; default false"
 },
 {
  "option": "encoding",
  "type": "string",
  "about": "as PostgreSQL names it, such as LATIN1 or WIN1252; default UTF8"
 },
 {
  "option": "decimal_comma",
  "type": "boolean",
  "about": "1,5 instead of 1.5; give a delimiter other than , with it; default false"
 },
 {
  "option": "formula_guard",
  "type": "boolean",
  "about": "put a single quote before text that a spreadsheet would run as a formula; default false"
 }
]'::jsonb),
('labels', '[
 {
  "option": "columns",
  "type": "object",
  "about": "by column name: label, its name in the output",
  "inside": [
   {
    "option": "*",
    "type": "object",
    "about": "the column of that name",
    "inside": [
     {
      "option": "label",
      "type": "string",
      "about": "its name in the output"
     }
    ]
   }
  ]
 }
]'::jsonb),
('sections', '[
 {
  "option": "sections",
  "type": "array",
  "about": "a name for the result of each statement; {section} in output_path",
  "inside": [
   {
    "option": "*",
    "type": "string",
    "about": "its name"
   }
  ]
 }
]'::jsonb),
('rows', '[
 {
  "option": "max_rows",
  "type": "integer",
  "allowed": "1..1000000000000",
  "about": "no more rows of each query than this; the run says that there were more"
 },
 {
  "option": "skip_if_empty",
  "type": "boolean",
  "about": "make no output when there are no rows; default false"
 },
 {
  "option": "snapshot",
  "type": "boolean",
  "about": "false: where the source has no snapshot, each statement may read a state of the data of its own; default true"
 }
]'::jsonb),
('compress', '[
 {
  "option": "compress",
  "type": "string",
  "allowed": "gzip|zstd",
  "about": "default: not compressed at all"
 }
]'::jsonb),
('unload', '[
 {
  "option": "unload",
  "type": "boolean",
  "about": "let the source (Redshift, Snowflake or Athena) write the result into S3 itself; the output is the manifest of its objects; default false"
 }
]'::jsonb),
('s3', '[
 {
  "option": "s3",
  "type": "object",
  "about": "how an object is kept in S3; for an s3:// output_path",
  "inside": [
   {
    "option": "storage_class",
    "type": "string",
    "about": "such as STANDARD_IA; default: that of the settings, or the bucket''s"
   },
   {
    "option": "sse",
    "type": "string",
    "allowed": "AES256|aws:kms|aws:kms:dsse",
    "about": "encryption at rest; default: that of the settings, or the bucket''s"
   },
   {
    "option": "kms_key",
    "type": "string",
    "about": "key of aws:kms; default: that of the settings, or the account''s"
   },
   {
    "option": "acl",
    "type": "string",
    "allowed": "private|public-read|public-read-write|authenticated-read|aws-exec-read|bucket-owner-read|bucket-owner-full-control",
    "about": "default: that of the settings, or none"
   },
   {
    "option": "tags",
    "type": "object",
    "about": "at most 10 tags",
    "inside": [
     {
      "option": "*",
      "type": "string",
      "about": "a tag''s value"
     }
    ]
   },
   {
    "option": "metadata",
    "type": "object",
    "about": "beside run-id, report, report-id, request-id, scheduled-for, rows and sha256",
    "inside": [
     {
      "option": "*",
      "type": "string",
      "about": "what x-amz-meta-NAME says"
     }
    ]
   },
   {
    "option": "content_type",
    "type": "string",
    "about": "default: that of the format and its compression"
   },
   {
    "option": "content_disposition",
    "type": "string",
    "allowed": "inline|attachment",
    "about": "whether a browser shows or saves it; default: HTML and PDF are shown"
   },
   {
    "option": "cache_control",
    "type": "string",
    "about": "default: none"
   },
   {
    "option": "create_only",
    "type": "boolean",
    "about": "refuse to replace an object; default false"
   }
  ]
 }
]'::jsonb),
('file', '[
 {
  "option": "file",
  "type": "object",
  "about": "how a local file is made; for an output_path without a scheme",
  "inside": [
   {
    "option": "create_only",
    "type": "boolean",
    "about": "refuse to replace a file; default false"
   }
  ]
 }
]'::jsonb),
('table', '[
 {
  "option": "title",
  "type": "string",
  "about": "default: the report''s name"
 },
 {
  "option": "columns",
  "type": "object",
  "about": "by column name: label, format, width, align, total",
  "inside": [
   {
    "option": "*",
    "type": "object",
    "about": "how the column of that name is shown",
    "inside": [
     {
      "option": "label",
      "type": "string",
      "about": "what stands above it; default its name"
     },
     {
      "option": "format",
      "type": "string",
      "about": "a number format code as in Excel: #,##0.00 or dd.mm.yyyy"
     },
     {
      "option": "width",
      "type": "number",
      "allowed": "1..255",
      "about": "in characters; default by the content"
     },
     {
      "option": "align",
      "type": "string",
      "allowed": "left|center|right",
      "about": "default by the type"
     },
     {
      "option": "total",
      "type": "string",
      "allowed": "sum|avg|count|min|max",
      "about": "default none"
     }
    ]
   }
  ]
 }
]'::jsonb),
('chart', '[
 {
  "option": "chart",
  "type": "object",
  "about": "a chart of each section that has its columns",
  "inside": [
   {
    "option": "type",
    "type": "string",
    "allowed": "line|bar|pie",
    "about": "default: bar"
   },
   {
    "option": "category",
    "type": "string",
    "allowed": "1..",
    "about": "the column along the axis"
   },
   {
    "option": "values",
    "type": "array",
    "allowed": "1..",
    "about": "columns of numbers, one series each",
    "inside": [
     {
      "option": "*",
      "type": "string",
      "allowed": "1..",
      "about": "a column''s name"
     }
    ]
   },
   {
    "option": "title",
    "type": "string",
    "about": "default: none"
   },
   {
    "option": "section",
    "type": "string",
    "about": "the section to draw; default: each that has the columns"
   }
  ]
 }
]'::jsonb),
('HTML', '[
 {
  "option": "null",
  "type": "string",
  "about": "what stands for NULL; default empty"
 },
 {
  "option": "lang",
  "type": "string",
  "allowed": "~^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
  "about": "the language of the page, as de or pt-BR; default en"
 },
 {
  "option": "interactive",
  "type": "boolean",
  "about": "readers can sort, filter and search the tables; default false"
 }
]'::jsonb),
('JSON', '[
 {
  "option": "shape",
  "type": "string",
  "allowed": "objects|arrays",
  "about": "a row as an object by column names, or as an array; default objects"
 },
 {
  "option": "big_integers",
  "type": "string",
  "allowed": "number|string",
  "about": "integers past 2^53 - 1, which JavaScript rounds; default number"
 },
 {
  "option": "decimals",
  "type": "string",
  "allowed": "number|string",
  "about": "all values of numeric columns; default number"
 },
 {
  "option": "not_finite",
  "type": "string",
  "allowed": "string|null",
  "about": "NaN, Infinity and -Infinity, which JSON has no numbers for; default string"
 },
 {
  "option": "intervals",
  "type": "string",
  "allowed": "iso8601|text",
  "about": "P1DT2H or 1 day 02:00:00; default iso8601"
 },
 {
  "option": "bytes",
  "type": "string",
  "allowed": "base64|hex",
  "about": "bytea; default base64"
 }
]'::jsonb),
('XLSX', '[
 {
  "option": "autofilter",
  "type": "boolean",
  "about": "buttons in the header that filter and sort; default true"
 }
]'::jsonb),
('PDF', '[
 {
  "option": "page",
  "type": "string",
  "allowed": "A4|A3|A5|letter|legal",
  "about": "default A4"
 },
 {
  "option": "orientation",
  "type": "string",
  "allowed": "auto|portrait|landscape",
  "about": "default auto: landscape when the columns need it"
 },
 {
  "option": "margin",
  "type": "number",
  "allowed": "0..50",
  "about": "in millimetres; default 12"
 },
 {
  "option": "font",
  "type": "string",
  "allowed": "1..",
  "about": "a font family, or several with commas"
 },
 {
  "option": "font_size",
  "type": "number",
  "allowed": "4..24",
  "about": "of tables, in points; default 8"
 },
 {
  "option": "header",
  "type": "string",
  "about": "above each page but the first; default the title"
 },
 {
  "option": "footer",
  "type": "string",
  "about": "below each page, beside its number; default empty"
 },
 {
  "option": "zebra",
  "type": "boolean",
  "about": "every other row shaded; default true"
 },
 {
  "option": "group_by",
  "type": "string",
  "allowed": "1..",
  "about": "a column: a heading and subtotals wherever its value changes"
 },
 {
  "option": "repeat_columns",
  "type": "integer",
  "allowed": "0..1600",
  "about": "first columns that are repeated when the table is wider than a page; default 1"
 },
 {
  "option": "missing_glyph",
  "type": "string",
  "allowed": "error|replace",
  "about": "what a character that no font has does; default error"
 },
 {
  "option": "null",
  "type": "string",
  "about": "what stands for NULL; default empty"
 },
 {
  "option": "lang",
  "type": "string",
  "allowed": "~^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
  "about": "the language, as ja or zh-Hans, by which fonts are chosen; default en"
 }
]'::jsonb),
('PARQUET', '[
 {
  "option": "title",
  "type": "string",
  "about": "in the file''s metadata; default: the report''s name"
 },
 {
  "option": "codec",
  "type": "string",
  "allowed": "zstd|snappy|none",
  "about": "compression of pages; default zstd"
 },
 {
  "option": "decimal",
  "type": "string",
  "about": "what numeric without precision becomes: \"PRECISION,SCALE\", \"text\" or \"double\"; default 38,20"
 },
 {
  "option": "out_of_range",
  "type": "string",
  "allowed": "error|null",
  "about": "what to do with values that Parquet lacks: infinity in dates and numeric, NaN in numeric, 24:00:00; default error"
 }
]'::jsonb),
('partition', '[
 {
  "option": "partition_by",
  "type": "array",
  "allowed": "1..",
  "about": "columns: a file for each of their values, in a directory such as region=North; {partition} in output_path",
  "inside": [
   {
    "option": "*",
    "type": "string",
    "allowed": "1..",
    "about": "its name"
   }
  ]
 }
]'::jsonb),
('target', '[
 {
  "option": "table",
  "type": "object",
  "about": "how rows go into the table of a target",
  "inside": [
   {
    "option": "mode",
    "type": "string",
    "allowed": "append|replace|upsert",
    "about": "what happens to the rows that are there; default append"
   },
   {
    "option": "key",
    "type": "array",
    "allowed": "1..",
    "about": "columns of a unique index: a row with the same key is updated",
    "inside": [
     {
      "option": "*",
      "type": "string",
      "allowed": "1..",
      "about": "its name"
     }
    ]
   },
   {
    "option": "order_by",
    "type": "array",
    "allowed": "1..",
    "about": "of rows with the same key the first in this order wins, such as updated_at desc; without it such rows are an error",
    "inside": [
     {
      "option": "*",
      "type": "string",
      "allowed": "1..",
      "about": "its name"
     }
    ]
   },
   {
    "option": "create",
    "type": "boolean",
    "about": "make the table when it is missing; default false"
   },
   {
    "option": "drift",
    "type": "string",
    "allowed": "error|add",
    "about": "what a column does that the table lacks; default error"
   },
   {
    "option": "into",
    "type": "string",
    "about": "the table, when output_format names other formats as well"
   }
  ]
 }
]'::jsonb)
),
format (format, alias_of, extension, one_section, owners) as (values
('CSV', null, 'csv', true, '{CSV,labels,sections,rows,compress,unload,s3,file}'::text[]),
('HTML', null, 'html', false, '{table,chart,HTML,sections,rows,compress,s3,file}'::text[]),
('JSON', null, 'json', false, '{JSON,labels,sections,rows,compress,s3,file}'::text[]),
('JSONL', null, 'jsonl', true, '{JSON,labels,sections,rows,compress,unload,s3,file}'::text[]),
('XLSX', null, 'xlsx', false, '{table,chart,XLSX,sections,rows,s3,file}'::text[]),
('EXCEL', 'XLSX', 'xlsx', false, '{}'),
('PDF', null, 'pdf', false, '{table,PDF,chart,sections,rows,s3,file}'::text[]),
('PARQUET', null, 'parquet', true, '{PARQUET,labels,sections,rows,partition,unload,s3,file}'::text[]),
('TABLE', null, 'table', true, '{rows,target}'::text[])
)
insert into reportd.output_format (format, alias_of, extension, one_section, options)
select f.format, f.alias_of, f.extension, f.one_section, coalesce((
	select jsonb_agg(o.option order by w.place, o.place)
	from unnest(f.owners) with ordinality w (owner, place)
	join output_option using (owner),
	jsonb_array_elements(output_option.options) with ordinality o (option, place)), '[]')
from format f;
