package samples

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
	"time"
)

// PDF is a page of one line, with a cross-reference table that is right to the byte.
func PDF(line string) Sample {
	data := cached(func() []byte {
		text := strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(line)
		stream := "BT /F1 24 Tf 72 720 Td (" + text + ") Tj ET"
		objects := []string{
			"<< /Type /Catalog /Pages 2 0 R >>",
			"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
			"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream),
			"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		}
		var b bytes.Buffer
		b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
		offsets := make([]int, len(objects))
		for i, o := range objects {
			offsets[i] = b.Len()
			fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
		}
		table := b.Len()
		fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
		for _, o := range offsets {
			fmt.Fprintf(&b, "%010d 00000 n \n", o)
		}
		fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
		return b.Bytes()
	}, "pdf %s", line)
	return Sample{Name: "page.pdf", Type: TypePDF, Data: data}
}

// entry is one file of an archive.
type entry struct {
	name, text string
}

// modified is when every entry of an archive says that it was changed.
var modified = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

func archive(entries ...entry) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: modified})
		must(err)
		_, err = f.Write([]byte(e.text))
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

// Zip is an archive of three small files, one of them in a folder.
func Zip() Sample {
	data := cached(func() []byte {
		return archive(entry{"readme.txt", "Three files.\n"}, entry{"data/", ""}, entry{"data/table.csv", "a,b\n1,2\n"})
	}, "zip")
	return Sample{Name: "bundle.zip", Type: TypeZip, Data: data}
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"

// contentTypes and rootRels are the two parts that every OOXML package has (ECMA-376 part 2, annex F).
func contentTypes(part, mediaType string, more ...string) entry {
	return entry{"[Content_Types].xml", xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/` + part + `" ContentType="` + mediaType + `"/>` + strings.Join(more, "") + `</Types>`}
}

func rels(name, kind, target string) entry {
	return entry{name, xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/` + kind + `" Target="` + target + `"/></Relationships>`}
}

// Docx is a letter of one paragraph.
func Docx(text string) Sample {
	data := cached(func() []byte {
		return archive(
			contentTypes("word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"),
			rels("_rels/.rels", "officeDocument", "word/document.xml"),
			entry{"word/document.xml", xmlHead + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>` +
				html.EscapeString(text) + `</w:t></w:r></w:p></w:body></w:document>`},
		)
	}, "docx %s", text)
	return Sample{Name: "letter.docx", Type: TypeDocx, Data: data}
}

// Xlsx is a workbook with a sheet of one cell.
func Xlsx() Sample {
	data := cached(func() []byte {
		return archive(
			contentTypes("xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
				`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`),
			rels("_rels/.rels", "officeDocument", "xl/workbook.xml"),
			entry{"xl/workbook.xml", xmlHead + `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">` +
				`<sheets><sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>`},
			rels("xl/_rels/workbook.xml.rels", "worksheet", "worksheets/sheet1.xml"),
			entry{"xl/worksheets/sheet1.xml", xmlHead + `<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1"><v>42</v></c></row></sheetData></worksheet>`},
		)
	}, "xlsx")
	return Sample{Name: "table.xlsx", Type: TypeXlsx, Data: data}
}

var words = strings.Fields("amber basin cedar delta ember fjord grove haven inlet jetty kelp lagoon marsh north ocean pier quay reef shore tide")

func sentence(rng *rand.Rand) string {
	picked := make([]string, 6+rng.IntN(6))
	for i := range picked {
		picked[i] = words[rng.IntN(len(words))]
	}
	return strings.Join(picked, " ")
}

// Text is a plain text of exactly the given number of bytes.
func Text(size int, seed uint64) Sample {
	data := cached(func() []byte {
		rng := rand.New(rand.NewPCG(seed, 0x7e57)) //nolint:gosec // the same text every time
		var b bytes.Buffer
		for b.Len() < size {
			b.WriteString(sentence(rng) + ".\n")
		}
		return b.Bytes()[:size]
	}, "text %d %d", size, seed)
	return Sample{Name: "notes.txt", Type: TypeText, Data: data}
}

// CSV is a table of three columns with a head.
func CSV(rows int, seed uint64) Sample {
	data := cached(func() []byte {
		rng := rand.New(rand.NewPCG(seed, 0xc5)) //nolint:gosec // the same table every time
		var b bytes.Buffer
		b.WriteString("id,name,amount\n")
		for i := range rows {
			fmt.Fprintf(&b, "%d,%s,%d\n", i, words[rng.IntN(len(words))], rng.IntN(10_000))
		}
		return b.Bytes()
	}, "csv %d %d", rows, seed)
	return Sample{Name: "table.csv", Type: TypeCSV, Data: data}
}

// JSON is a list of objects.
func JSON(items int, seed uint64) Sample {
	data := cached(func() []byte {
		rng := rand.New(rand.NewPCG(seed, 0x15)) //nolint:gosec // the same list every time
		type item struct {
			ID   int    `json:"id"`
			Text string `json:"text"`
		}
		list := make([]item, items)
		for i := range list {
			list[i] = item{i, sentence(rng)}
		}
		out, err := json.Marshal(list)
		must(err)
		return out
	}, "json %d %d", items, seed)
	return Sample{Name: "list.json", Type: TypeJSON, Data: data}
}
