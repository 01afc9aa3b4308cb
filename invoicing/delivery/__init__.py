"""How invoices leave the house: e-mail, a store of files, accounting and e-documents, all behind one small port."""
