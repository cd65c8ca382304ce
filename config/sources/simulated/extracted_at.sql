SELECT exported_at::TIMESTAMPTZ FROM read_json('{data_folder}/export.json', columns = {exported_at: 'VARCHAR'})
